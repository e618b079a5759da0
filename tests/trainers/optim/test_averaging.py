"""The running average of weights."""

from __future__ import annotations

import torch
from torch import nn

from trainers.optim.averaging import WeightAverage


def steps(network: nn.Linear, average: WeightAverage, values: list[float]) -> None:
    for step, value in enumerate(values, start=1):
        with torch.no_grad():
            network.weight.fill_(value)
        average.update(step)


def test_at_first_it_is_the_mean_of_the_recent_weights() -> None:
    network = nn.Linear(1, 1)
    average = WeightAverage(network, longest=1000, recent=0.5)
    steps(network, average, [0.0] * 100 + [1.0] * 100)
    assert 0.7 < average.tensors["weight"].item() < 0.85  # of the weights, 1 - 2**-2 are from the second half


def test_it_never_reaches_back_further_than_its_longest() -> None:
    network = nn.Linear(1, 1)
    average = WeightAverage(network, longest=10, recent=1.0)
    steps(network, average, [0.0] * 1000 + [1.0] * 10)
    assert abs(average.tensors["weight"].item() - (1 - 0.9**10)) < 1e-3


def test_it_is_put_in_place_and_taken_out_again() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    average = WeightAverage(network, longest=10, recent=0.5)
    own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for tensor in average.tensors.values():
        tensor.fill_(7.0)
    with average.applied():
        assert all((t == 7).all() for n, t in network.state_dict().items() if t.is_floating_point())
    assert all(torch.equal(tensor, own[name]) for name, tensor in network.state_dict().items())
    assert all((tensor == 7).all() for tensor in average.tensors.values())
