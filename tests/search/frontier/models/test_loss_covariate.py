"""Training losses as a covariate: less noise than errors, and available early."""

from __future__ import annotations

import numpy as np
import pytest

from search.frontier.config import DEFAULTS
from search.frontier.models.gaussian_process import GaussianProcess, Inputs
from search.frontier.models.loss_covariate import LossCovariate

GROUPS = np.arange(4)


def make_points(num: int, seed: int) -> tuple[Inputs, np.ndarray]:
    """Return points, and the final error that each has on average."""
    rng = np.random.default_rng(seed)
    x, costs = rng.random((num, 4)), rng.random((num, 1))
    truth = 0.5 - 0.1 * costs[:, 0] - 0.05 * x[:, 0] + 0.05 * np.sin(3 * x[:, 1])
    return Inputs(x, costs), truth


def early_losses(truth: np.ndarray, epochs: tuple[int, ...]) -> list[dict[int, float]]:
    return [{epoch: 2.0 * error + 1.0 / epoch for epoch in epochs} for error in truth]


def test_quiet_losses_make_up_for_noisy_errors() -> None:
    gains = []
    for seed in range(8):
        inputs, truth = make_points(220, seed)
        known, asked = inputs[slice(0, 20)], inputs[slice(20, None)]
        errors = truth[:20] + np.random.default_rng(100 + seed).normal(0.0, 0.05, 20)
        covariate_model = LossCovariate(known, early_losses(truth[:20], (1, 9)), 9, GROUPS)
        off = []
        for extend in (lambda points: points, covariate_model.added_to):
            process = GaussianProcess(extend(known), errors, np.zeros(20), GROUPS)
            off.append(np.abs(process.predict(extend(asked))[0] - truth[20:]).mean())
        gains.append(off[0] / off[1])
    assert np.median(gains) > 1.3


def test_the_last_loss_is_learned_with_the_help_of_trainings_that_stopped_early() -> None:
    off = {}
    for uses_early in (False, True):
        misses = []
        for seed in range(8):
            inputs, truth = make_points(260, seed)
            losses = early_losses(truth[:60], (1,)) if uses_early else [{} for _ in range(60)]
            for row in range(0, 60, 6):  # ten of sixty were trained to the end
                losses[row] = early_losses(truth[row : row + 1], (1, 9))[0]
            covariate_model = LossCovariate(inputs[slice(0, 60)], losses, 9, GROUPS)
            covariate = covariate_model.added_to(inputs[slice(60, None)]).covariate
            assert covariate is not None
            misses.append(np.abs(covariate.means - (2.0 * truth[60:] + 1.0 / 9.0)).mean())
        off[uses_early] = np.median(misses)
    assert off[True] < 0.5 * off[False]


@pytest.mark.parametrize(
    ("num", "is_enough"),
    [(DEFAULTS.loss_min_observations - 1, False), (DEFAULTS.loss_min_observations, True), (300, True)],
)
def test_covariate_is_added_once_enough_losses_are_known(num: int, is_enough: bool) -> None:
    inputs, truth = make_points(num, 0)
    extended = LossCovariate(inputs, early_losses(truth, (1, 3)), 9, GROUPS).added_to(inputs)
    assert (extended.covariate is not None) == is_enough
    assert extended.covariate is None or all(part.shape == (num,) for part in extended.covariate)
    assert np.array_equal(extended.costs, inputs.costs)
    assert np.array_equal(extended.x, inputs.x)


@pytest.mark.parametrize("losses", [{}, {1: 2.3, 3: 2.3}])
def test_losses_that_tell_nothing_leave_points_as_they_are(losses: dict[int, float]) -> None:
    inputs, _ = make_points(30, 0)
    assert LossCovariate(inputs, [losses] * 30, 9, GROUPS).added_to(inputs) is inputs
