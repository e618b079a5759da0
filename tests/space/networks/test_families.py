"""Properties of networks of every family: counts, equations, gradients, sharing, round trips."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from space.modules import Classifier, Trained, save_weights
from space.modules.build import build
from space.modules.counting import built_layers
from space.modules.mgnet import MgNet
from space.networks.counts import total
from space.networks.families import family_named
from space.networks.grid_spec import GridSpec
from space.networks.load import load_spec, read_spec
from space.networks.mgnet import MgNetSpec
from space.notation.parse import parse_notation
from tests.support.plain_networks import plain_network
from tests.support.profiles import examples
from tests.support.strategies import mgnets, networks

SIDES = st.integers(1, 13)


@examples(150)
@given(spec=networks(), height=SIDES, width=SIDES)
def test_parameters_and_macs_are_those_of_the_built_network(spec: GridSpec, height: int, width: int) -> None:
    with torch.device("meta"):
        network = build(spec).eval()
        images = torch.empty(1, spec.in_channels, height, width)
    with FlopCounterMode(display=False) as counter:
        logits = network(images)
    assert logits.shape == (1, spec.num_classes)
    counts = spec.counts((height, width))
    assert counts.params == spec.params == sum(p.numel() for p in network.parameters())
    assert 2 * counts.macs == 2 * spec.macs((height, width)) == counter.get_total_flops()


def saved_bytes(network: nn.Module, images: Tensor) -> int:
    """Bytes of everything that autograd keeps for the backward pass but the network's own tensors."""
    own = {tensor.untyped_storage().data_ptr() for tensor in network.state_dict().values()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = network(images)
    del logits
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@examples(100)
@given(spec=networks(), height=st.integers(2, 13), width=st.integers(2, 13))
def test_activation_memory_is_what_autograd_keeps_of_an_image(
    spec: GridSpec, height: int, width: int
) -> None:
    """Between two batches the difference is that of their images: statistics of batch norms drop out."""
    network = build(spec).train()
    few, more = (saved_bytes(network, torch.rand(n, spec.in_channels, height, width)) for n in (3, 5))
    assert 2 * spec.counts((height, width)).activation_bytes == more - few


@examples(60)
@given(spec=networks(), height=SIDES, width=SIDES)
def test_formulas_agree_with_counting_on_the_built_network(spec: GridSpec, height: int, width: int) -> None:
    assert total(built_layers(spec, (height, width), build)) == spec.counts((height, width))


def stirred(spec: GridSpec, seed: int = 0) -> nn.Module:
    """The network in float64, every number of it random."""
    torch.manual_seed(seed)
    network = build(spec).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    for name, parameter in network.named_parameters():
        if name.endswith(("values", "omega")):
            nn.init.uniform_(parameter, 0.5, 1.5)
    return network.eval()


@examples(200)
@given(spec=networks(max_width=6), height=SIDES, width=SIDES, seed=st.integers(0, 99))
def test_forward_is_the_equations(spec: GridSpec, height: int, width: int, seed: int) -> None:
    network = stirred(spec, seed)
    images = torch.randn(2, spec.in_channels, height, width, dtype=torch.float64)
    expected = plain_network(spec.canonical(), network).logits(images)
    scale = float(expected.abs().max().clamp(min=1))
    torch.testing.assert_close(network(images) / scale, expected / scale, rtol=0, atol=1e-10)


@examples(40)
@given(spec=networks(max_width=5))
def test_features_are_non_negative_under_relu(spec: GridSpec) -> None:
    network = stirred(spec.replaced(activation="relu"))
    assert network.features(torch.randn(3, spec.in_channels, 9, 8, dtype=torch.float64)).min() >= 0


def without_gradient(spec: GridSpec) -> set[str]:
    """The operators A on which, by the equations, nothing depends: all their applications are without effect.

    The first A of a level that starts from u = 0 gives A * 0. On other levels the first residual is f - A u
    with f = sigma(BN(R ...)) + A u, so there the first A cancels, but f keeps it for later: for further
    iterations, or the residual that goes to the next level. A quadratic B applies A to the residual.
    """
    if not isinstance(spec, MgNetSpec) or spec.smoother.kind == "quadratic":
        return set()
    effects: dict[str, bool] = {}
    for j, level in enumerate(spec.levels):
        starts_from_zero = j == 0 or spec.interpolation == "zero"
        is_last = j == len(spec.levels) - 1
        for i in range(level.nu):
            owner, place = spec.owners_a[j], i if spec.share_a == "iteration" else 0
            matters = i > 0 or (not starts_from_zero and level.nu > 1)
            matters = matters or (not is_last and (i == level.nu - 1 or not starts_from_zero))
            name = f"levels.{owner}.A.{place}.weight"
            effects[name] = effects.get(name, False) or matters
    return {name for name, matters in effects.items() if not matters}


@examples(80)
@given(spec=networks(min_width=3, max_width=5), seed=st.integers(0, 2**32 - 1))
@example(spec=parse_notation("MgNet[1]-3-B^l"), seed=0)
@example(spec=parse_notation("MgNet[2]-3-B^l"), seed=0)
@example(spec=parse_notation("MgNet[2]-3-A^{l,i}-B^l"), seed=0)
@example(spec=parse_notation("MgNet[1,2]-3-A^{l,i}-B^{l,i}"), seed=0)
@example(spec=parse_notation("MgNet[3,2,1]-3-A^{l,i}-B^{l,i}"), seed=0)
@example(spec=parse_notation("MgNet[2,1]-3-A-B-interpolation=zero"), seed=0)
def test_every_parameter_that_matters_gets_a_gradient(spec: GridSpec, seed: int) -> None:
    """Scales behind which a batch norm stands have what its epsilon leaves them, which is not nothing."""
    spec = spec.canonical()
    torch.manual_seed(seed)
    network = build(spec).double()
    for _ in range(3):
        images = torch.randn(6, spec.in_channels, 34, 33, dtype=torch.float64)
        (network(images) ** 2).sum().backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients.values())
    assert {name for name, gradient in gradients.items() if not gradient.any()} == without_gradient(spec)


@pytest.mark.slow
def test_convolutions_of_any_shape_have_the_gradients_of_float64() -> None:
    """Strided 1x1 convolutions of few channels crashed or hung."""
    program = [sys.executable, "-m", "tests.support.convolution_gradients"]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr


@examples(200)
@given(spec=networks(max_levels=5, max_nu=12, max_width=2000))
def test_notation_round_trip(spec: GridSpec) -> None:
    parsed = parse_notation(spec.notation, in_channels=spec.in_channels, num_classes=spec.num_classes)
    assert parsed == spec
    assert parsed.notation == spec.notation
    assert load_spec(json.loads(json.dumps(spec.to_dict()))) == spec


@examples(200)
@given(spec=networks(), height=SIDES, width=SIDES)
def test_canonical_form(spec: GridSpec, height: int, width: int) -> None:
    canonical = spec.canonical()
    assert canonical.canonical() == canonical
    assert canonical.arch == spec.arch
    assert type(canonical).model_validate(canonical.to_dict()) == canonical
    before, after = spec.layers((height, width)), canonical.layers((height, width))
    assert total(before) == total(after)
    assert [layer.out for layer in before] == [layer.out for layer in after]


def as_written(spec: GridSpec) -> nn.Module:
    """The network of a spec in the very form it has, which ``build`` would make canonical first."""
    return family_named(spec.family, "test").build(spec)


@examples(150)
@given(spec=networks(max_width=6), seed=st.integers(0, 99))
def test_the_canonical_form_is_the_same_network(spec: GridSpec, seed: int) -> None:
    canonical = spec.canonical()
    one, other = as_written(spec).double(), as_written(canonical).double()
    other.load_state_dict(one.state_dict())  # the same names and shapes
    for network in (one, other):
        network.train(bool(seed % 2) and not spec.dropout)
    torch.manual_seed(seed)
    images = torch.randn(3, spec.in_channels, 9, 8, dtype=torch.float64)
    torch.testing.assert_close(one(images), other(images), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MgNet[2,2]-[8,6]-A-B", "MgNet[2,2]-[8,6]-B^l"),
        ("MgNet[2]-8-A-B^{l,i}", "MgNet[2]-8-B^{l,i}"),
        ("MgNet[1,1]-8-B^l-smoother=two_step(weights=chebyshev)", "MgNet[1,1]-8-B^l"),
        ("MgNet[2,2]-8-B^l-smoother=linear-kernel_b=5-groups_b=2", "MgNet[2,2]-8-B^l-smoother=linear"),
        ("MgNet[2]-8-B^l-interpolation=zero-restriction=pool", "MgNet[2]-8-B^l"),
        ("MgNet[2,2]-[7,9]-B^l-groups_b=4", "MgNet[2,2]-[7,9]-B^l"),
        ("MgNet[2,2]-[8,4]-B^l-groups_b=8", "MgNet[2,2]-[8,4]-B^l-groups_b=depthwise"),
        ("MgNet[2,2]-[8,8]-B^l-groups_b=12", "MgNet[2,2]-[8,8]-B^l-groups_b=4"),
        ("MgNet[2,2]-[3,4]-B^l-interpolation=depthwise", "MgNet[2,2]-[3,4]-B^l"),
        ("ResNet[1,1]-8-A^l-B^l", "ResNet[1,1]-8"),
        ("ResNet[2,2]-8-A^{l,i}-B^l-stem_channels=8", "ResNet[2,2]-8-A^{l,i}-B^l"),
        ("ResNet[1,2]-8-A^{l,i}-B^l", "ResNet[1,2]-8"),
        ("ResNet[2,2,2,2]-[64,128,256,512]", "ResNet18"),
        (
            "PreActResNet[3,4,6,3]-[(64,256),(128,512),(256,1024),(512,2048)]-block=bottleneck",
            "PreActResNet50",
        ),
    ],
)  # fmt: skip
def test_two_spellings_are_one_network(one: str, other: str) -> None:
    assert read_spec(one).arch == read_spec(other).arch
    assert read_spec(one).canonical() == read_spec(other).canonical()


def test_hyperparameters_with_an_effect_make_other_networks() -> None:
    texts = [
        "MgNet[2,2]-8-B^l", "MgNet[2,2]-8-B", "MgNet[2,2]-8-A-B^l", "MgNet[2,2]-8-A-B",
        "MgNet[2,2]-8-B^{l,i}", "MgNet[2,2]-8-A^{l,i}-B^l",
        "MgNet[2,2]-8-B^l-smoother=linear", "MgNet[2,2]-8-B^l-smoother=quadratic",
        "MgNet[2,2]-8-B^l-smoother=two_step", "MgNet[2,2]-8-B^l-smoother=two_step(weights=chebyshev)",
        "MgNet[2,2]-8-B^l-kernel_b=1", "MgNet[2,2]-8-B^l-groups_b=2", "MgNet[2,2]-8-B^l-interpolation=zero",
        "MgNet[2,2]-8-B^l-restriction=pool", "MgNet[2,2]-8-B^l-activation=gelu",
        "MgNet[2,2]-8-B^l-stem=imagenet", "MgNet[2,2]-8-B^l-dropout=0.1", "ResNet[2,2]-8",
        "ResNet[2,2]-8-A^l-B^{l,i}", "ResNet[2,2]-8-block=bottleneck", "PreActResNet[2,2]-8",
        "ResNet[2,2]-8-stem_channels=4",
    ]  # fmt: skip
    assert len({read_spec(text).arch for text in texts}) == len(texts)


SHARED = [
    ("MgNet[2,3]-4-A-B", {"levels.0.A.0.weight", "levels.0.B.0.weight"}, 2),
    ("MgNet[2,3]-4-B^l", {"levels.0.A.0.weight", "levels.1.B.0.weight"}, 4),
    ("ResNet[2,3]-4-A-B", {"levels.0.A.0.weight", "levels.0.B.0.weight"}, 2),
    ("PreActResNet[3,2]-[(4,6),(4,6)]-A-B-block=bottleneck", {"levels.0.A.0.weight"}, 3),
]


@pytest.mark.parametrize(("notation", "some", "number"), SHARED, ids=[s[0] for s in SHARED])
def test_shared_weights_are_one_tensor_everywhere(
    notation: str, some: set[str], number: int, tmp_path: Path
) -> None:
    """In the network, its copies, the optimiser's list, the file, and after loading it."""
    spec = read_spec(notation)
    network = build(spec)
    names = [n for n in network.state_dict() if (".A." in n or ".B." in n) and n.endswith("weight")]
    assert some <= set(names)
    assert len(names) == number
    trained = Trained(
        spec=spec.to_dict(), mean=(0.5,) * 3, std=(0.2,) * 3, image_size=(9, 9), classes=tuple("abcdefghij"),
        data="toy", seed=0, epochs=1, val_accuracy=0.5,
    )  # fmt: skip
    loaded = Classifier.load(save_weights(tmp_path / "w.safetensors", network, trained)).network
    for candidate in (copy.deepcopy(network).double(), loaded):
        assert sum(p.numel() for p in candidate.parameters()) == spec.params
        before = candidate(torch.ones(2, 3, 9, 9, dtype=next(candidate.parameters()).dtype))
        with torch.no_grad():
            dict(candidate.named_parameters())["levels.0.A.0.weight"].mul_(-2)
        after = candidate(torch.ones(2, 3, 9, 9, dtype=next(candidate.parameters()).dtype))
        assert not torch.equal(before, after)


def test_rows_do_not_grow_with_the_iterations() -> None:
    """Which is what makes counting fast; how fast: ``benchmarks/counting.py``."""
    few, many = read_spec("MgNet[2,2]-8-A^{l,i}-B^{l,i}"), read_spec("MgNet[90,90]-8-A^{l,i}-B^{l,i}")
    assert len(few.layers(32)) == len(many.layers(32))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"smoother": {"kind": "linear"}}, "needs c_u = c_f, but level 1 has c_u=4, c_f=6"),
        ({"smoother": {"kind": "cubic"}}, "smoother"),
        ({"kernel_b": 2}, "must be 1, 3 or 5, but got 2"),
        ({"kernel_b": True}, "must be 1, 3 or 5, but got true"),
        ({"groups_b": 0}, 'at least 1, or "depthwise", but got 0'),
        ({"dropout": 1.0}, "less than 1"),
        ({"activation": "tanh"}, "relu"),
    ],
)
def test_impossible_specs_are_refused(fields: dict[str, Any], says: str) -> None:
    data = {"levels": [{"nu": 1, "c_u": 4, "c_f": 6}]} | fields
    with pytest.raises(ValueError, match=says):
        load_spec(data)


@examples(100)
@given(spec=mgnets(), side=st.integers(2, 9))
def test_a_reduced_network_computes_the_same_with_less(spec: MgNetSpec, side: int) -> None:
    """Products with zero, and those that cancel: all agrees but for rounding, gradients included."""
    torch.manual_seed(0)
    network = build(spec).double().eval()
    assert isinstance(network, MgNet)
    images = torch.randn(3, spec.in_channels, side, side, dtype=torch.float64)

    def results() -> tuple[Tensor, dict[str, Tensor | None], int]:
        network.zero_grad()
        with FlopCounterMode(display=False) as counter:
            logits = network(images)
            logits.square().sum().backward()
        gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
        return logits.detach(), gradients, counter.get_total_flops()

    logits, gradients, flops = results()
    network.is_reduced = True
    reduced, others, less = results()
    assert torch.allclose(reduced, logits, rtol=1e-9, atol=1e-9)
    assert less <= flops
    for name, gradient in gradients.items():
        other = others[name]
        assert (gradient is None) == (other is None), name
        if gradient is not None and other is not None:
            scale = 1.0 + float(gradient.abs().max())
            assert float((gradient - other).abs().max()) < 1e-8 * scale, name


def test_a_sixth_of_the_work_is_repeated() -> None:
    spec = parse_notation("MgNet[2,2,2]-[32,64,128]-B^l")
    with torch.device("meta"):
        network = build(spec).eval()
        images = torch.empty(1, 3, 32, 32)
    assert isinstance(network, MgNet)
    network.is_reduced = True
    with FlopCounterMode(display=False) as counter:
        network(images)
    assert 0.82 < counter.get_total_flops() / (2 * spec.macs((32, 32))) < 0.85
