"""Output warping: when errors are modelled over logarithms, and the expected improvement that follows."""

from __future__ import annotations

import numpy as np
import pytest

from search.frontier.models.gaussian_process import Inputs
from search.frontier.models.leave_one_out import error_model
from search.frontier.models.warping import Warping

RNG = np.random.default_rng(0)
SKEWED = np.exp(RNG.normal(size=40))


def test_skewed_errors_are_modelled_over_logarithms() -> None:
    assert Warping.fitted(SKEWED).shift is not None
    assert Warping.fitted(SKEWED).shift < SKEWED.min()


@pytest.mark.parametrize(
    "errors",
    [RNG.normal(size=40), -SKEWED, np.full(40, 0.9), SKEWED[:7], np.append(np.zeros(30), RNG.random(10))],
    ids=["normal", "skewed to low errors", "equal", "few", "mostly the lowest"],
)
def test_other_errors_stay_as_they_are(errors: np.ndarray) -> None:
    warping = Warping.fitted(errors)
    assert warping.shift is None
    assert warping.warped(errors) is errors


def test_a_diverged_training_does_not_break_the_warping() -> None:
    errors = np.append(SKEWED, 1e30)
    warping = Warping.fitted(errors)
    assert np.isfinite(warping.warped(errors)).all()
    assert np.isfinite(warping.warped_variances(errors, np.ones(41))).all()


def test_warped_errors_return_to_what_they_were() -> None:
    warping = Warping(-0.5)
    assert warping.errors(warping.warped(SKEWED)) == pytest.approx(SKEWED)


def test_expected_improvement_is_that_of_simulated_errors() -> None:
    warping, mean, deviation = Warping(0.1), np.array([-1.0, 0.5]), np.array([0.3, 2.0])
    drawn = warping.errors(mean + deviation * RNG.normal(size=(400_000, 2)))
    for level in (0.3, 2.0):
        expected = np.maximum(level - drawn, 0.0).mean(axis=0)
        found = warping.expected_improvement(np.full(2, level), mean, deviation)
        assert found == pytest.approx(expected, rel=0.03)


def test_expected_improvement_stays_finite_at_large_deviations() -> None:
    found = Warping(0.0).expected_improvement(np.array([1.0]), np.array([900.0]), np.array([50.0]))
    assert found == pytest.approx([0.0], abs=1e-12)


def test_the_warping_that_predicts_left_out_errors_better_is_chosen() -> None:
    """Exponential errors are a line over logarithms, where equal noise would be unequal."""
    x = np.linspace(0.0, 1.0, 30)
    inputs, groups, none = Inputs(x[:, None], np.zeros((30, 0))), np.zeros(1, dtype=np.intp), np.zeros(30)
    assert error_model(inputs, np.exp(8.0 * x), none, groups).warping.shift is not None
    assert error_model(inputs, x**6 + 0.05 * RNG.normal(size=30), none, groups).warping.shift is None
