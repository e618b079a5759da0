"""Gradient descent, step by step the same as torch's, without the overhead of torch's optimisers."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from tests.support.waiting import MOST_S
from trainers.optim.optimizer import WeightGroup
from trainers.optim.sgd import SGD

TRAINING = """
import sys
from tests.support.stripes import RECIPE, SPEC, striped_data
from trainers.training import Training

recipe = RECIPE.replaced({"optimizer": sys.argv[1], "epochs": 1})
list(Training(SPEC, striped_data(), recipe, seed=1).epochs())
assert "torch._dynamo" not in sys.modules
"""


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_torch(momentum: float) -> None:
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(size, generator=generator) for size in ((8, 4, 3, 3), (5, 7), (3,))]
    ours, theirs = ([nn.Parameter(weight.clone()) for weight in start] for _ in range(2))
    one = SGD([WeightGroup(ours[:2], 0.1, 0.01), WeightGroup(ours[2:], 0.2, 0.0)], momentum)
    groups = [{"params": theirs[:2], "weight_decay": 0.01}, {"params": theirs[2:], "lr": 0.2}]
    other = torch.optim.SGD(groups, lr=0.1, momentum=momentum, nesterov=momentum > 0, fused=True)
    for multiplier in (1.0, 0.5, 0.25):
        for mine, their in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=generator)
            their.grad = mine.grad.clone()
        one.set_rates(multiplier)
        for group, rate in zip(other.param_groups, (0.1, 0.2), strict=True):
            group["lr"] = rate * multiplier
        one.step()
        other.step()
        one.zero_grad()
    assert all(torch.equal(mine, their) for mine, their in zip(ours, theirs, strict=True))
    assert all(weight.grad is None for weight in ours)
    assert len(one.buffers) == (3 if momentum else 0)


def test_weights_without_a_gradient_stay() -> None:
    weights = [nn.Parameter(torch.ones(2)) for _ in range(2)]
    weights[0].grad = torch.ones(2)
    SGD([WeightGroup(weights, 0.1, 0.1)], momentum=0.9).step()
    assert (weights[0] < 1).all()
    assert torch.equal(weights[1], torch.ones(2))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_trainings_bring_no_compiler_into_the_process(optimizer: str) -> None:
    subprocess.run([sys.executable, "-c", TRAINING, optimizer], check=True, timeout=MOST_S)
