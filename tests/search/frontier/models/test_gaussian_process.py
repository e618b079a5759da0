"""The Gaussian process against textbook formulas, and its fit against numerical derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from search.frontier.config import DEFAULTS
from search.frontier.models import hyperparameters
from search.frontier.models.gaussian_process import Covariate, GaussianProcess, Inputs
from search.frontier.models.hyperparameters import JITTER, Hyperparameters
from search.frontier.models.kernels import matern

GROUPS = np.array([0, 1, 1, 2])


def make_inputs(number: int, seed: int, num_costs: int = 1, *, has_covariate: bool = False) -> Inputs:
    rng = np.random.default_rng(seed)
    x, costs = rng.uniform(size=(number, 4)), rng.normal(size=(number, num_costs))
    covariate = Covariate(rng.normal(2.0, 0.5, size=number), rng.uniform(0.0, 0.1, size=number))
    return Inputs(x, costs, covariate if has_covariate else None)


def make_values(inputs: Inputs, seed: int = 0, noise: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = 0.3 * np.sin(3.0 * inputs.x[:, 0]) + 0.1 * inputs.costs.sum(axis=1)
    return np.asarray(0.5 + smooth + noise * rng.normal(size=len(inputs)))


@pytest.mark.parametrize("has_covariate", [False, True])
def test_predictions_are_those_of_the_textbook(has_covariate: bool) -> None:
    inputs, new = (make_inputs(n, seed, has_covariate=has_covariate) for n, seed in ((20, 1), (5, 2)))
    values = make_values(inputs)
    extra = np.linspace(0.0, 0.01, 20)
    process = GaussianProcess(inputs, values, extra, GROUPS)
    h = process.hyperparameters
    scale, mean = values.std(), values.mean()
    cost_mean, cost_scale = inputs.costs.mean(axis=0), inputs.costs.std(axis=0) + 1e-12

    def covariate_of(points: Inputs) -> tuple[np.ndarray, np.ndarray]:
        if points.covariate is None or inputs.covariate is None:
            return np.zeros(len(points)), np.zeros(len(points))
        mean = inputs.covariate.means.mean()
        scale = np.sqrt(inputs.covariate.means.var() + inputs.covariate.variances.mean())
        means = (points.covariate.means - mean) / scale
        return means, DEFAULTS.covariate_slope**2 * points.covariate.variances / scale**2

    def covariance(left: Inputs, right: Inputs) -> np.ndarray:
        rows = []
        for x, costs in zip(left.x, (left.costs - cost_mean) / cost_scale, strict=True):
            row = []
            for other, other_costs in zip(right.x, (right.costs - cost_mean) / cost_scale, strict=True):
                lengths = h.lengths[GROUPS]
                over_x = matern(np.array((((x - other) / lengths) ** 2).sum()))
                over_costs = matern(np.array((((costs - other_costs) / h.curve_length) ** 2).sum()))
                line = DEFAULTS.linear_scale**2 * (1.0 + costs @ other_costs)
                row.append(float(h.x_variance * over_x + h.curve_variance * over_costs + line))
            rows.append(row)
        over_covariate = np.outer(covariate_of(left)[0], covariate_of(right)[0])
        return np.array(rows) + DEFAULTS.covariate_slope_scale**2 * over_covariate

    noise = np.diag(h.noise_variance + extra / scale**2 + covariate_of(inputs)[1] + JITTER)
    known = covariance(inputs, inputs) + noise
    cross = covariance(new, inputs)
    line, new_line = (DEFAULTS.covariate_slope * covariate_of(points)[0] for points in (inputs, new))
    expected = mean + scale * (new_line + cross @ np.linalg.solve(known, (values - mean) / scale - line))
    variance = np.diag(covariance(new, new) - cross @ np.linalg.solve(known, cross.T)) + covariate_of(new)[1]
    got_mean, got_deviation = process.predict(new)
    assert got_mean == pytest.approx(expected, abs=1e-6)
    assert got_deviation == pytest.approx(scale * np.sqrt(variance), abs=1e-5)


@pytest.mark.parametrize(("num_costs", "has_covariate"), [(0, False), (1, False), (2, False), (1, True)])
def test_the_fit_follows_the_true_gradient(
    num_costs: int, has_covariate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = make_inputs(15, seed=3, num_costs=num_costs, has_covariate=has_covariate)
    caught = []

    def catch(loss, start, **options):  # type: ignore[no-untyped-def]
        rng = np.random.default_rng(0)
        for _ in range(3):
            logs = start + 0.5 * rng.normal(size=len(start))
            numeric = approx_fprime(logs, lambda at: loss(at)[0], 1e-6)
            if num_costs == 0:
                numeric[:2] = loss(logs)[1][:2]  # without costs, their part has the prior's pull alone
            caught.append(np.abs(loss(logs)[1] - numeric).max() / (1.0 + np.abs(numeric).max()))
        return type("Found", (), {"x": start})()

    monkeypatch.setattr(hyperparameters, "minimize", catch)
    GaussianProcess(inputs, make_values(inputs), np.zeros(15), GROUPS)
    assert caught
    assert max(caught) < 1e-4


def missed(num_known: int, seed: int, covariate_of: Callable[[np.ndarray], Covariate] | None) -> float:
    """Return how far predictions of 100 points are off, on average, after so many noisy values."""
    inputs = make_inputs(num_known + 100, seed)
    truth = make_values(inputs, noise=0.0)
    if covariate_of is not None:
        inputs = replace(inputs, covariate=covariate_of(truth))
    known, new = inputs[slice(num_known)], inputs[slice(num_known, None)]
    values = truth[:num_known] + np.random.default_rng(seed).normal(0.0, 0.05, num_known)
    process = GaussianProcess(known, values, np.zeros(num_known), GROUPS)
    return float(np.abs(process.mean(new) - truth[num_known:]).mean())


def exact(truth: np.ndarray) -> Covariate:
    return Covariate(3.0 * truth, np.zeros(len(truth)))


def unrelated(truth: np.ndarray) -> Covariate:
    return Covariate(np.random.default_rng(5).normal(size=len(truth)), np.zeros(len(truth)))


def unrelated_and_unsure(truth: np.ndarray) -> Covariate:
    return Covariate(0.1 * unrelated(truth).means, np.ones(len(truth)))


@pytest.mark.parametrize(
    ("covariate_of", "num_known", "most"),
    [(exact, 8, 0.5), (exact, 60, 0.8), (unrelated, 60, 1.25), (unrelated_and_unsure, 60, 1.5)],
)
def test_covariate_helps_and_an_unrelated_one_is_ignored(
    covariate_of: Callable[[np.ndarray], Covariate], num_known: int, most: float
) -> None:
    ratios = [missed(num_known, seed, covariate_of) / missed(num_known, seed, None) for seed in range(6)]
    assert np.median(ratios) < most


def test_noise_is_told_from_what_can_be_learned() -> None:
    inputs = make_inputs(90, seed=4)
    quiet = GaussianProcess(inputs, make_values(inputs, noise=0.002), np.zeros(90), GROUPS)
    loud = GaussianProcess(inputs, make_values(inputs, noise=0.05), np.zeros(90), GROUPS)
    assert quiet.noise < 0.015
    assert loud.noise == pytest.approx(0.05, rel=0.4)


def test_uncertain_observations_count_less() -> None:
    inputs = make_inputs(30, seed=5)
    values = make_values(inputs)
    wrong = values.copy()
    wrong[0] += 0.3
    sure, unsure = np.zeros(30), np.zeros(30)
    unsure[0] = 1.0
    true, _ = GaussianProcess(inputs, values, sure, GROUPS).predict(inputs[slice(0, 1)])
    misled, _ = GaussianProcess(inputs, wrong, sure, GROUPS).predict(inputs[slice(0, 1)])
    warned, _ = GaussianProcess(inputs, wrong, unsure, GROUPS).predict(inputs[slice(0, 1)])
    assert abs(warned[0] - true[0]) < 0.3 * abs(misled[0] - true[0])


def test_conditioning_on_the_mean_keeps_it_and_reduces_uncertainty() -> None:
    inputs, pending, other = make_inputs(25, seed=6), make_inputs(3, seed=7), make_inputs(10, seed=8)
    process = GaussianProcess(inputs, make_values(inputs), np.zeros(25), GROUPS)
    conditioned = process.condition_on_mean(pending)
    assert conditioned.predict(other)[0] == pytest.approx(process.predict(other)[0], abs=1e-6)
    assert (conditioned.predict(pending)[1] < process.predict(pending)[1]).all()
    assert (conditioned.predict(other)[1] <= process.predict(other)[1] + 1e-9).all()


def test_a_diverged_training_spoils_nothing() -> None:
    inputs = make_inputs(30, seed=9)
    values = make_values(inputs)
    spoiled = values.copy()
    spoiled[5] = 1e6
    cut = GaussianProcess(inputs, spoiled, np.zeros(30), GROUPS).predict(inputs)[0]
    kept = np.arange(30) != 5
    assert np.abs(cut - values)[kept].max() < 0.2


def test_hyperparameters_are_read_in_the_order_of_the_fit() -> None:
    read = Hyperparameters.from_logs(np.log([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    found = (read.curve_variance, read.curve_length, read.x_variance, read.noise_variance)
    assert found == pytest.approx((1.0, 2.0, 3.0, 4.0))
    assert read.lengths == pytest.approx([5.0, 6.0])
