"""The acquisition function: expected hypervolume improvement under the error model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from results.hypervolume import hypervolume
from search.frontier.config import DEFAULTS
from search.frontier.hypervolume_improvement import Front, nondominated
from search.frontier.models.gaussian_process import Inputs, spread_rows, without_outliers
from search.frontier.models.leave_one_out import error_model

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TrainingSet:
    """What the error model is conditioned on, n rows. Everything is minimised.

    Attributes:
        inputs: The points.
        errors: Final errors, measured or extrapolated, n.
        variances: Extrapolation variances, 0 where measured, n.
        on_front: Whether a row may be on the front: complete, feasible trials of the study, n.
        num_costs: The number of cost columns that are objectives; the others are prior errors.
    """

    inputs: Inputs
    errors: Array
    variances: Array
    on_front: NDArray[np.bool_]
    num_costs: int = 1

    def __len__(self) -> int:
        return len(self.errors)

    def __getitem__(self, rows: NDArray[np.intp]) -> TrainingSet:
        return replace(
            self,
            inputs=self.inputs[rows],
            errors=self.errors[rows],
            variances=self.variances[rows],
            on_front=self.on_front[rows],
        )


class Acquisition:
    """The model of warped errors, the front under it, and the expected hypervolume improvement of further points.

    The front consists of the posterior means of complete trials, and of running trials as if they had ended with
    theirs (conditioning on pending observations).
    """

    def __init__(
        self,
        known: TrainingSet,
        groups: NDArray[np.intp],
        pending: Inputs | None,
        costs_bound: Array,
        is_known_cost: NDArray[np.bool_],
    ) -> None:
        """Fit the error model.

        Args:
            known: The training set.
            groups: The parameter of each column of ``inputs.x``.
            pending: Running trials.
            costs_bound: The highest reference of each cost, c.
            is_known_cost: Whether each cost is known for every point, c.
        """
        self._warping, process, self.validation = error_model(
            known.inputs,
            known.errors,
            known.variances,
            groups,
            # left-out validation knows measured costs, but candidates have predicted ones
            may_warp=bool(is_known_cost.all()),
        )
        means = self._warping.errors(process.mean(known.inputs))
        self._num_costs = len(costs_bound)
        front_errors = means[known.on_front]
        front_costs = known.inputs.costs[known.on_front, : self._num_costs]
        if pending is not None and len(pending):
            latest = pending[slice(-DEFAULTS.max_pending, None)]
            process = process.condition_on_mean(latest, process.noise**2)
            front_errors = np.concatenate([front_errors, self._warping.errors(process.mean(pending))])
            front_costs = np.vstack([front_costs, pending.costs[:, : self._num_costs]])
        errors = without_outliers(known.errors)
        spread = float(errors.max() - errors.min()) or 1.0
        error_bound = float(max(errors.max(), front_errors.max(initial=-np.inf))) + 0.1 * spread
        self._points = np.column_stack([front_errors, front_costs])
        worst = np.concatenate([[error_bound], costs_bound])
        self._reference = reference_point(self._points, worst, is_known_cost, len(known.errors))
        self.process = process
        self.front = Front(front_errors, front_costs, self._reference, self._warping.expected_improvement)

    @cached_property
    def hypervolume(self) -> float:
        """The hypervolume of the front up to the reference point."""
        return hypervolume(self._points.tolist(), self._reference.tolist())

    def improvement(self, candidates: Inputs, cost_deviation: Array | None = None) -> Array:
        """Return the expected hypervolume improvement of each candidate, m.

        ``cost_deviation`` (m x c) has the standard deviations of predicted costs, 0 for known ones.
        """
        mean, deviation = self.process.predict(candidates)
        return self._expected_improvement(candidates, mean, deviation, cost_deviation)

    def improvement_of_trainings(
        self, paused: Inputs, finals: Array, variances: Array, cost_deviation: Array | None = None
    ) -> Array:
        """Return the expected hypervolume improvement of paused trainings if they were resumed to the end, m.

        ``finals`` are their extrapolated final errors with ``variances``. The noise of a training is part of its
        result: the weights that it ends with are the ones that are kept.
        """
        mean, deviation = self.process.predict(paused)
        noise = self.process.noise**2
        variances = self._warping.warped_variances(finals, variances)
        finals = self._warping.warped(finals)
        share = noise / (noise + variances)
        mean = mean + share * (finals - mean)
        deviation = np.sqrt((1.0 - share) ** 2 * deviation**2 + share * variances)
        return self._expected_improvement(paused, mean, deviation, cost_deviation)

    def _expected_improvement(
        self, candidates: Inputs, mean: Array, deviation: Array, cost_deviation: Array | None
    ) -> Array:
        costs = candidates.costs[:, : self._num_costs]
        if cost_deviation is None:
            return self.front.expected_hypervolume_improvement(costs, mean, deviation)
        predicted = np.flatnonzero(cost_deviation.any(axis=0))
        total = np.zeros(len(candidates))
        for steps, weight in sigma_points(len(predicted)):
            moved = costs.copy()
            moved[:, predicted] += steps * cost_deviation[:, predicted]
            total += weight * self.front.expected_hypervolume_improvement(moved, mean, deviation)
        return total


def reference_point(points: Array, worst: Array, is_known_cost: NDArray[np.bool_], number: int) -> Array:
    """Return the reference point of the hypervolume: error, then each cost.

    It is ``worst``, slightly beyond the worst values, if all costs are known: every size is wanted then. A learned cost
    may be arbitrarily high at useless points. The reference is then the nadir point of the front, moved by half of
    its range (Ishibuchi et al. 2018); but ``worst`` with every third observation, since a cheap point with a lucky
    error would hide all costlier ones.

    Args:
        points: Error and costs of the points that may be on the front, n x (1 + c).
        worst: The highest reference, 1 + c.
        is_known_cost: Whether each cost is known for every point, c.
        number: The number of observations.
    """
    if is_known_cost.all() or number % DEFAULTS.beyond_nadir_every == 0:
        return worst
    front = points[nondominated(points)]
    if len(front) < DEFAULTS.nadir_min_points:
        return worst
    low, high = front.min(axis=0), front.max(axis=0)
    nadir = np.minimum(worst, high + DEFAULTS.nadir_margin * (high - low))
    return np.asarray(np.where(np.append(False, is_known_cost), worst, nadir))


def sigma_points(number: int) -> list[tuple[Array, float]]:
    """Return nodes (in standard deviations) and weights that integrate over ``number`` predicted costs.

    The rule is exact for polynomials up to degree three. It needs 2 ``number`` + 1 nodes.
    Source: sigma points of Julier, Uhlmann 1997; beyond three costs rule E_n^{r^2} 3-1 of Stroud 1971.
    """
    far = math.sqrt(max(3, number))
    weight = 0.5 / max(3, number)
    nodes = [(far * sign * axis, weight) for axis in np.eye(number) for sign in (-1.0, 1.0)]
    rest = 1.0 - 2 * number * weight
    return [*nodes, (np.zeros(number), rest)] if rest > 1e-9 else nodes


def training_subset(known: TrainingSet) -> NDArray[np.intp]:
    """Return the rows that the error model is conditioned on: all of them up to ``max_training_points``.

    Beyond that, half are the nearest to the front, and the others are spread evenly over the rest.
    """
    most = DEFAULTS.max_training_points
    if len(known) <= most:
        return np.arange(len(known))
    excess = excess_errors(known.errors, known.inputs.costs[:, : known.num_costs])
    order = np.lexsort((np.arange(len(known)), excess))
    best, rest = order[: most // 2], np.sort(order[most // 2 :])
    spread = rest[spread_rows(len(rest), most - len(best))]
    return np.sort(np.concatenate([best, spread]))


def excess_errors(errors: Array, costs: Array) -> Array:
    """Return each error minus the lowest error of the points that cost no more, n; ``costs`` is n x c."""
    if not costs.shape[1]:
        return np.asarray(errors - errors.min(initial=np.inf))
    if costs.shape[1] == 1:
        order = np.argsort(costs[:, 0], kind="stable")
        excess = np.empty(len(errors))
        excess[order] = errors[order] - np.minimum.accumulate(errors[order])
        return excess
    # the best of those that cost no more is always a nondominated point
    best = nondominated(np.column_stack([errors, costs]))
    cost_no_more = np.ones((len(errors), int(best.sum())), dtype=bool)
    for column in costs.T:
        cost_no_more &= column[best][None] <= column[:, None]
    return np.asarray(errors - np.where(cost_no_more, errors[best][None], np.inf).min(axis=1))
