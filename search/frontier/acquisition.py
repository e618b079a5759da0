"""What further points promise, from what is known of those tried."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from results.indicators import hypervolume
from search.frontier.hypervolume_improvement import Front, nondominated
from search.frontier.models.gaussian_process import Inputs, spread_rows, without_outliers
from search.frontier.models.leave_one_out import error_model

Array = NDArray[np.float64]

MOST_KNOWN = 180
"""Points that a model learns from: of more, the best for their costs and some of the others."""
MOST_BELIEVED = 200
"""Pending points that are taken into account one by one; of more, the latest."""
LOG_RATIO = 4.0
"""Costs that are positive and span more than this ratio are seen over their logarithm."""
BEYOND = 0.01
"""How far the reference lies beyond the highest cost, in parts of their range."""


@dataclass(frozen=True)
class Known:
    """What is known of the points tried, rows of n.

    ``errors`` are those of finished trainings, or what is guessed of them with ``variances``; ``counts``
    tells which are finished and have kept their constraints. The first ``num_costs`` of the inputs' costs
    are objectives, the others hints. Everything is minimised.
    """

    inputs: Inputs
    errors: Array
    variances: Array
    counts: NDArray[np.bool_]
    num_costs: int = 1

    def __len__(self) -> int:
        return len(self.errors)

    def __getitem__(self, which: NDArray[np.intp]) -> Known:
        return replace(
            self,
            inputs=self.inputs[which],
            errors=self.errors[which],
            variances=self.variances[which],
            counts=self.counts[which],
        )


class CostScale:
    """Costs as they are looked at: over logarithms where they span decades, so that ratios count.

    Of columns that ``may_stay_linear`` that holds only where their logarithms lie no less evenly than they
    themselves do: values that merely come close to zero span decades as well.
    """

    def __init__(self, costs: Array, may_stay_linear: NDArray[np.bool_] | None = None) -> None:
        low, high = np.nanmin(costs, axis=0), np.nanmax(costs, axis=0)
        self._over_logs = (low > 0) & (high > LOG_RATIO * low)
        if may_stay_linear is None:
            may_stay_linear = np.zeros(costs.shape[1], dtype=bool)
        for column in np.flatnonzero(self._over_logs & may_stay_linear):
            values = costs[~np.isnan(costs[:, column]), column]
            self._over_logs[column] = _unevenness(np.log(values)) <= _unevenness(values)
        low, high = self.scaled(low[None])[0], self.scaled(high[None])[0]
        self.bound = high + BEYOND * (high - low) + 1e-12
        """The reference of each cost, on the scale: a little beyond the highest."""

    def scaled(self, costs: Array) -> Array:
        """Return the costs on the scale, n x c; NaN stays so."""
        is_positive = np.isnan(costs) | (costs > 0)
        logs = np.log(np.where(self._over_logs & is_positive, costs, 1.0))
        return np.where(self._over_logs, logs, costs)


def _unevenness(values: Array) -> float:
    """Return how far the median is from the middle of the range, in parts of the range."""
    low, high = float(values.min()), float(values.max())
    return abs((float(np.median(values)) - low) / (high - low) - 0.5) if high > low else 0.0


class Promise:
    """A model of what is known, and how much each further point would add to the front.

    ``pending`` are points under way: they count as if they were to end as expected. ``costs_bound`` (c) is
    the reference of the costs, which are the first columns of the inputs' costs; more columns are hints.
    """

    def __init__(
        self, known: Known, groups: NDArray[np.intp], pending: Inputs | None, costs_bound: Array
    ) -> None:
        process, self.foresight = error_model(known.inputs, known.errors, known.variances, groups)
        means = process.mean(known.inputs)
        self._num_costs = len(costs_bound)
        front_errors = means[known.counts]
        front_costs = known.inputs.costs[known.counts, : self._num_costs]
        if pending is not None and len(pending):
            process = process.believing(pending[slice(-MOST_BELIEVED, None)], process.noise**2)
            believed = process.mean(pending)
            front_errors = np.concatenate([front_errors, believed])
            front_costs = np.vstack([front_costs, pending.costs[:, : self._num_costs]])
        errors = without_outliers(known.errors)
        spread = float(errors.max() - errors.min()) or 1.0
        top = float(max(errors.max(), front_errors.max(initial=-np.inf))) + 0.1 * spread
        points = np.column_stack([front_errors, front_costs])
        self._points, self._reference = points, [top, *costs_bound.tolist()]
        self.process = process
        self.front = Front(front_errors, front_costs, np.concatenate([[top], costs_bound]))

    @cached_property
    def hypervolume(self) -> float:
        """What the front dominates, up to the reference."""
        return hypervolume(self._points.tolist(), self._reference)

    def growth(self, candidates: Inputs, cost_deviation: Array | None = None) -> Array:
        """Return the expected growth of the hypervolume by each candidate.

        ``cost_deviation`` (m x c) is that of the costs that are guesses, 0 of others.
        """
        mean, deviation = self.process.predict(candidates)
        return self._growth(candidates, mean, deviation, cost_deviation)

    def growth_of_trainings(
        self, begun: Inputs, guesses: Array, variances: Array, cost_deviation: Array | None = None
    ) -> Array:
        """Return the expected growth by trainings that have begun (m), were they to go on to their ends.

        ``guesses`` are what their curves say of their errors there, with these ``variances``. What a training
        has of luck or bad luck stays with it: the weights that it ends with are those that count.
        """
        mean, deviation = self.process.predict(begun)
        noise = self.process.noise**2
        share = noise / (noise + variances)
        mean = mean + share * (guesses - mean)
        deviation = np.sqrt((1.0 - share) ** 2 * deviation**2 + share * variances)
        return self._growth(begun, mean, deviation, cost_deviation)

    def _growth(
        self, candidates: Inputs, mean: Array, deviation: Array, cost_deviation: Array | None
    ) -> Array:
        if cost_deviation is None:
            return self.front.expected_growth(candidates.costs[:, : self._num_costs], mean, deviation)
        costs = candidates.costs[:, : self._num_costs]
        guessed = np.flatnonzero(cost_deviation.any(axis=0))
        total = np.zeros(len(candidates))
        for moves, weight in cost_nodes(len(guessed)):
            moved = costs.copy()
            moved[:, guessed] += moves * cost_deviation[:, guessed]
            total += weight * self.front.expected_growth(moved, mean, deviation)
        return total


def cost_nodes(number: int) -> list[tuple[Array, float]]:
    """Return by how many deviations so many guessed costs are moved, and the weights of these points.

    One cost after another is moved down and up, which integrates polynomials up to the third degree over
    their normal distributions, as the products of Gauss-Hermite rules do at far more points.
    Source: the sigma points of Julier, Uhlmann 1997; beyond three costs rule E_n^{r^2} 3-1 of Stroud 1971.
    """
    far = math.sqrt(max(3, number))
    weight = 0.5 / max(3, number)
    nodes = [(far * sign * axis, weight) for axis in np.eye(number) for sign in (-1.0, 1.0)]
    rest = 1.0 - 2 * number * weight
    return [*nodes, (np.zeros(number), rest)] if rest > 1e-9 else nodes


def most_telling(known: Known) -> NDArray[np.intp]:
    """Return the rows that a model learns from well enough, all of them where they are few.

    Half are the best for their costs, layer by layer of the front; the others are spread over the rest.
    """
    if len(known) <= MOST_KNOWN:
        return np.arange(len(known))
    excess = excess_errors(known.errors, known.inputs.costs[:, : known.num_costs])
    order = np.lexsort((np.arange(len(known)), excess))
    best, rest = order[: MOST_KNOWN // 2], np.sort(order[MOST_KNOWN // 2 :])
    spread = rest[spread_rows(len(rest), MOST_KNOWN - len(best))]
    return np.sort(np.concatenate([best, spread]))


def excess_errors(errors: Array, costs: Array) -> Array:
    """Return by how much each error is above the best of points that cost no more, n; ``costs`` are n x c."""
    if costs.shape[1] == 1:
        order = np.argsort(costs[:, 0], kind="stable")
        excess = np.empty(len(errors))
        excess[order] = errors[order] - np.minimum.accumulate(errors[order])
        return excess
    # the best that costs no more than a point is one that no other beats
    best = nondominated(np.column_stack([errors, costs]))
    cost_no_more = np.ones((len(errors), int(best.sum())), dtype=bool)
    for column in costs.T:
        cost_no_more &= column[best][None] <= column[:, None]
    return np.asarray(errors - np.where(cost_no_more, errors[best][None], np.inf).min(axis=1))
