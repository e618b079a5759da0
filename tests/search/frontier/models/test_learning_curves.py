"""Predictions of the final error from early stops."""

from __future__ import annotations

import numpy as np
import pytest

from search.frontier.models.learning_curves import final_values


def make_curves(number: int, seed: int, noise: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Return curves of nine epochs and costs: large networks end lower and learn slower."""
    rng = np.random.default_rng(seed)
    costs = rng.normal(size=(number, 1))
    final = 0.5 - 0.05 * costs[:, 0] + 0.02 * rng.normal(size=number)
    left = 0.3 + 0.05 * costs[:, 0]
    epochs = np.arange(1, 10)
    curves = final[:, None] + left[:, None] * (1.0 - epochs / 9.0)[None] ** 2
    return curves + noise * rng.normal(size=curves.shape) * (epochs < 9), costs


def test_finished_trainings_are_their_own_end() -> None:
    curves, costs = make_curves(5, seed=0)
    found = final_values(curves, costs, np.ones(5, dtype=bool))
    assert found.values == pytest.approx(curves[:, -1])
    assert (found.variances == 0.0).all()


@pytest.mark.parametrize("stop", [1, 3])
def test_ends_are_guessed_from_those_that_went_further(stop: int) -> None:
    curves, costs = make_curves(60, seed=1)
    shown = curves.copy()
    best = np.argsort(curves[:, stop - 1])[:30]  # only the promising ones go further
    is_final = np.isin(np.arange(60), best)
    shown[~is_final, stop:] = np.nan
    found = final_values(shown, costs, is_final)
    off = (found.values - curves[:, -1])[~is_final]
    assert abs(off.mean()) < 0.012
    assert off.std() < 0.02
    assert 0.3 < off.std() / np.sqrt(found.variances[~is_final].mean()) < 2.0


def test_without_any_end_errors_stand_for_themselves() -> None:
    curves, costs = make_curves(6, seed=2)
    curves[:, 1:] = np.nan
    found = final_values(curves, costs, np.zeros(6, dtype=bool))
    assert found.values == pytest.approx(curves[:, 0])
    assert (found.variances > 0).all()


def test_what_a_later_stop_says_serves_the_earlier_ones() -> None:
    """Nobody has finished, but some went to epoch three: that tells of those that stopped after one."""
    curves, costs = make_curves(40, seed=3)
    curves[:, 3:] = np.nan
    curves[20:, 1:] = np.nan
    found = final_values(curves, costs, np.zeros(40, dtype=bool))
    assert abs(found.values[20:].mean() - found.values[:20].mean()) < 0.03
    assert (found.variances[20:] > found.variances[:20].min()).all()


def test_a_training_that_said_nothing_is_not_guessed() -> None:
    curves, costs = make_curves(4, seed=4)
    curves[2] = np.nan
    found = final_values(curves, costs, np.array([True, True, False, True]))
    assert np.isnan(found.values[2])
    assert np.isfinite(found.values[[0, 1, 3]]).all()
