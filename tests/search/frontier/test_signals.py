"""Training losses as signals: less luck than errors, and seen early."""

from __future__ import annotations

import numpy as np
import pytest

from search.frontier.gaussian_process import GaussianProcess, Inputs
from search.frontier.signals import FEWEST, Signals

GROUPS = np.arange(4)


def make_points(num: int, seed: int) -> tuple[Inputs, np.ndarray]:
    """Return points, and the final error that each has on average."""
    rng = np.random.default_rng(seed)
    knobs, costs = rng.random((num, 4)), rng.random((num, 1))
    truth = 0.5 - 0.1 * costs[:, 0] - 0.05 * knobs[:, 0] + 0.05 * np.sin(3 * knobs[:, 1])
    return Inputs(knobs, costs), truth


def early_losses(truth: np.ndarray, epochs: tuple[int, ...]) -> list[dict[int, float]]:
    return [{epoch: 2.0 * error + 1.0 / epoch for epoch in epochs} for error in truth]


def test_quiet_losses_make_up_for_noisy_errors() -> None:
    gains = []
    for seed in range(8):
        inputs, truth = make_points(220, seed)
        known, asked = inputs[slice(0, 20)], inputs[slice(20, None)]
        errors = truth[:20] + np.random.default_rng(100 + seed).normal(0.0, 0.05, 20)
        signals = Signals(known, early_losses(truth[:20], (1, 9)), (1, 9), GROUPS)
        off = []
        for extend in (lambda points: points, signals.added_to):
            process = GaussianProcess(extend(known), errors, np.zeros(20), GROUPS)
            off.append(np.abs(process.predict(extend(asked))[0] - truth[20:]).mean())
        gains.append(off[0] / off[1])
    assert np.median(gains) > 1.3


def test_an_epoch_that_few_have_come_to_is_learned_with_the_help_of_earlier_ones() -> None:
    off = {}
    for epochs in ((9,), (1, 9)):
        misses = []
        for seed in range(8):
            inputs, truth = make_points(260, seed)
            losses = early_losses(truth[:60], (1,))
            for row in range(0, 60, 6):  # ten of sixty were trained to the end
                losses[row] = early_losses(truth[row : row + 1], (1, 9))[0]
            signals = Signals(inputs[slice(0, 60)], losses, epochs, GROUPS)
            expected = signals.added_to(inputs[slice(60, None)]).costs[:, -1]
            misses.append(np.abs(expected - (2.0 * truth[60:] + 1.0 / 9.0)).mean())
        off[epochs] = np.median(misses)
    assert off[1, 9] < 0.5 * off[9,]


@pytest.mark.parametrize(("num", "added"), [(FEWEST - 1, 0), (FEWEST, 1), (300, 1)])
def test_one_cost_is_added_once_enough_losses_are_known(num: int, added: int) -> None:
    inputs, truth = make_points(num, 0)
    extended = Signals(inputs, early_losses(truth, (1, 3)), (1, 3), GROUPS).added_to(inputs)
    assert extended.costs.shape == (num, 1 + added)
    assert np.array_equal(extended.costs[:, 0], inputs.costs[:, 0])
    assert np.array_equal(extended.knobs, inputs.knobs)


def test_without_losses_points_stay_as_they_are() -> None:
    inputs, _ = make_points(30, 0)
    assert Signals(inputs, [{}] * 30, (1, 3, 9), GROUPS).added_to(inputs) is inputs
