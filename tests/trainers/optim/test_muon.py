"""Muon: orthogonal updates as in torch, for all weights of a shape at once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from space.modules import build
from space.notation.parse import parse_notation
from tests.support.stripes import RECIPE, SPEC
from trainers.data.device_data import ResidentData
from trainers.optim.muon import Muon, orthogonalised, stacked
from trainers.optim.optimizer import WeightGroup
from trainers.optim.optimizers import make_optimizers
from trainers.recipe import Recipe
from trainers.training import Training


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 16, 5), (1, 4, 36), (2, 1, 9)])
def test_singular_values_become_near_1_and_vectors_stay(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    found = left.mT @ orthogonalised(matrices) @ right.mT
    diagonal = torch.diagonal(found, dim1=1, dim2=2)
    assert (diagonal > 0.3).all()
    assert (diagonal < 1.4).all()
    assert (found - torch.diag_embed(diagonal)).abs().max() < 1e-3


def test_zeros_beside_smaller_matrices_change_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    matrices = [torch.randn(shape, generator=generator) for shape in ((4, 9), (8, 36), (1, 72), (8, 8))]
    together = orthogonalised(stacked(matrices))
    assert together.shape == (4, 8, 72)
    for matrix, padded in zip(matrices, together, strict=True):
        rows, columns = matrix.shape
        alone = orthogonalised(matrix[None])[0]
        torch.testing.assert_close(padded[:rows, :columns], alone, rtol=1e-4, atol=1e-5)
        assert padded.count_nonzero() == matrix.count_nonzero()


def test_weights_of_any_shapes_move_together_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As small ones do on a GPU."""
    generator = torch.Generator().manual_seed(0)
    sizes = ((8, 4, 3, 3), (4, 8, 3, 3), (32, 8, 1, 1), (80, 4, 3, 3))
    start = [torch.randn(size, generator=generator) for size in sizes]
    gradients = [[torch.randn(size, generator=generator) for size in sizes] for _ in range(3)]

    def moved() -> list[torch.Tensor]:
        weights = [nn.Parameter(weight.clone()) for weight in start]
        optimizer = Muon([WeightGroup(weights, 0.02, 0.1)], momentum=0.95)
        for step in gradients:
            for weight, gradient in zip(weights, step, strict=True):
                weight.grad = gradient
            optimizer.step()
        return [weight.detach() for weight in weights]

    alone = moved()
    monkeypatch.setattr(Muon, "_joins", lambda _self, weight: weight.numel() < 2000)
    for together, one in zip(moved(), alone, strict=True):
        torch.testing.assert_close(together, one, rtol=1e-4, atol=1e-5)


def test_nothing_comes_of_nothing() -> None:
    assert torch.equal(orthogonalised(torch.zeros(1, 3, 4)), torch.zeros(1, 3, 4))


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has one from 2.9 on")
def test_steps_are_those_of_torch() -> None:
    """Which computes in bfloat16: three figures."""
    generator = torch.Generator().manual_seed(0)
    sizes = ((8, 4, 3, 3), (8, 4, 3, 3), (4, 16, 1, 1), (32, 2, 1, 1), (80, 4, 3, 3))  # also tall ones
    start = [torch.randn(size, generator=generator) for size in sizes]
    ours = [nn.Parameter(weight.clone()) for weight in start]
    theirs = [nn.Parameter(weight.flatten(1).clone()) for weight in start]
    one = Muon([WeightGroup(ours, 0.02, 0.1)], momentum=0.95)
    other = torch.optim.Muon(theirs, lr=0.02, momentum=0.95, weight_decay=0.1)
    for _ in range(5):
        for mine, their in zip(ours, theirs, strict=True):
            gradient = torch.randn(mine.shape, generator=generator)
            mine.grad, their.grad = gradient, gradient.flatten(1).clone()
        one.step()
        other.step()
    for mine, their, before in zip(ours, theirs, start, strict=True):
        moved = (mine.flatten(1) - before.flatten(1)).norm()
        assert (mine.flatten(1) - their).norm() < 0.02 * moved


def test_it_moves_inner_convolutions_and_sgd_the_rest() -> None:
    spec = parse_notation("MgNet[2,1]-[4,8]-B^l-groups_b=depthwise")
    network = build(spec)
    sgd, muon = make_optimizers(network, Recipe(optimizer="muon"))
    names = {id(weight): name for name, weight in network.named_parameters()}
    moved = [{names[id(w)] for g in o.groups for w in g.weights} for o in (sgd, muon)]
    assert moved[0] | moved[1] == set(names.values())
    assert not moved[0] & moved[1]
    assert moved[1] == {n for n in names.values() if ".A." in n or n.endswith(("Pi.weight", "R.weight"))}
    assert len(make_optimizers(network, Recipe())) == 1


def test_weights_decay_as_much_as_those_of_sgd_with_its_momentum() -> None:
    """Without gradients: what is left after many steps is what decay leaves."""
    num_steps = 400
    recipe = Recipe(optimizer="muon", lr=0.05, weight_decay=1e-3, muon_decay=10.0, momentum=0.9)
    network = build(SPEC)
    optimizers = make_optimizers(network, recipe)
    before = [[weight.norm().item() for weight in o.groups[0].weights] for o in optimizers]
    for _ in range(num_steps):
        for weight in network.parameters():
            weight.grad = torch.zeros_like(weight)
        for optimizer in optimizers:
            optimizer.step()
    after = [[weight.norm().item() for weight in o.groups[0].weights] for o in optimizers]
    left = [[b / a for a, b in zip(*norms, strict=True)] for norms in zip(before, after, strict=True)]
    assert left[1] == pytest.approx([(1 - 10 * 0.05 * 1e-3) ** num_steps] * len(left[1]), rel=1e-4)
    assert left[0] == pytest.approx([left[1][0]] * len(left[0]), rel=0.02)


def test_recipes_that_differ_in_decay_have_different_identities() -> None:
    muon = Recipe(optimizer="muon")
    assert Recipe(lr=0.2).identity() == '{"lr":0.2}'
    assert muon.identity() == '{"optimizer":"muon"}'
    others = [muon.replaced({"muon_decay": decay}) for decay in (1.0, 0.5)]
    assert len({recipe.identity() for recipe in (muon, *others)}) == 3


def test_it_learns(data: ResidentData) -> None:
    recipe = RECIPE.replaced({"optimizer": "muon", "epochs": 6})
    assert list(Training(SPEC, data, recipe, seed=1).epochs())[-1].val_accuracy > 0.9
