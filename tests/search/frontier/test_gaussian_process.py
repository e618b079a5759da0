"""The Gaussian process against the textbook's formulas, and its fit against numerical derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from search.frontier import gaussian_process
from search.frontier.gaussian_process import GaussianProcess, Hyperparameters, Inputs, matern

GROUPS = np.array([0, 1, 1, 2])


def make_inputs(number: int, seed: int, num_costs: int = 1) -> Inputs:
    rng = np.random.default_rng(seed)
    return Inputs(rng.uniform(size=(number, 4)), rng.normal(size=(number, num_costs)))


def make_values(inputs: Inputs, seed: int = 0, noise: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = 0.3 * np.sin(3.0 * inputs.knobs[:, 0]) + 0.1 * inputs.costs.sum(axis=1)
    return np.asarray(0.5 + smooth + noise * rng.normal(size=len(inputs)))


def test_predictions_are_those_of_the_textbook() -> None:
    inputs, new = make_inputs(20, seed=1), make_inputs(5, seed=2)
    values = make_values(inputs)
    extra = np.linspace(0.0, 0.01, 20)
    process = GaussianProcess(inputs, values, extra, GROUPS)
    h = process.hyperparameters
    scale, mean = values.std(), values.mean()
    cost_mean, cost_scale = inputs.costs.mean(axis=0), inputs.costs.std(axis=0) + 1e-12

    def covariance(left: Inputs, right: Inputs) -> np.ndarray:
        rows = []
        for knobs, costs in zip(left.knobs, (left.costs - cost_mean) / cost_scale, strict=True):
            row = []
            for other, other_costs in zip(right.knobs, (right.costs - cost_mean) / cost_scale, strict=True):
                lengths = h.lengths[GROUPS]
                over_knobs = matern(np.array((((knobs - other) / lengths) ** 2).sum()))
                over_costs = matern(np.array((((costs - other_costs) / h.curve_length) ** 2).sum()))
                line = gaussian_process.LINE_WIDTH**2 * (1.0 + costs @ other_costs)
                row.append(float(h.knobs_variance * over_knobs + h.curve_variance * over_costs + line))
            rows.append(row)
        return np.array(rows)

    noise = np.diag(h.noise_variance + extra / scale**2 + gaussian_process.JITTER)
    known = covariance(inputs, inputs) + noise
    cross = covariance(new, inputs)
    expected = mean + scale * cross @ np.linalg.solve(known, (values - mean) / scale)
    variance = np.diag(covariance(new, new) - cross @ np.linalg.solve(known, cross.T))
    got_mean, got_deviation = process.predict(new)
    assert got_mean == pytest.approx(expected, abs=1e-6)
    assert got_deviation == pytest.approx(scale * np.sqrt(variance), abs=1e-5)


@pytest.mark.parametrize("num_costs", [0, 1, 2])
def test_the_fit_follows_the_true_gradient(num_costs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = make_inputs(15, seed=3, num_costs=num_costs)
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

    monkeypatch.setattr(gaussian_process, "minimize", catch)
    GaussianProcess(inputs, make_values(inputs), np.zeros(15), GROUPS)
    assert caught
    assert max(caught) < 1e-4


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


def test_believing_moves_no_mean_and_takes_doubt_away() -> None:
    inputs, pending, other = make_inputs(25, seed=6), make_inputs(3, seed=7), make_inputs(10, seed=8)
    process = GaussianProcess(inputs, make_values(inputs), np.zeros(25), GROUPS)
    believing = process.believing(pending)
    assert believing.predict(other)[0] == pytest.approx(process.predict(other)[0], abs=1e-6)
    assert (believing.predict(pending)[1] < process.predict(pending)[1]).all()
    assert (believing.predict(other)[1] <= process.predict(other)[1] + 1e-9).all()


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
    found = (read.curve_variance, read.curve_length, read.knobs_variance, read.noise_variance)
    assert found == pytest.approx((1.0, 2.0, 3.0, 4.0))
    assert read.lengths == pytest.approx([5.0, 6.0])
