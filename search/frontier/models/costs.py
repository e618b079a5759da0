"""Costs of points: those known before a point is tried as they are, others as tried points let expect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.frontier.acquisition import CostScale
from search.frontier.models.gaussian_process import GaussianProcess, Inputs, spread_rows

Array = NDArray[np.float64]

FEWEST = 4
"""Points whose cost has been measured before a model is asked for it; until then it goes with the work."""
MOST = 200
"""Measured points that a model learns from: of more, some spread over all."""


def raw_costs(costs: Sequence[tuple[float, ...] | None], num_costs: int) -> Array:
    """Return the costs known of points, n x c; NaN for those that are not."""
    unknown = (np.nan,) * num_costs
    rows = [unknown if known is None else known for known in costs]
    return np.array(rows, dtype=np.float64).reshape(len(costs), num_costs)


class CostModels:
    """What all points cost, on a scale that they share.

    ``tried`` (n x c, NaN where unknown) and ``knobs`` (n x d) are of points that were tried, ``work`` (n) is
    theirs, and ``on_scale`` (n) says which of them the scale is made for (all); ``others`` (m x c) are of
    points that were not tried. A cost that is known of every one is exact; another is learned over the exact
    ones, work and knobs. Learned ones of points without work are seen over logarithms only where that
    makes them more even.
    """

    def __init__(
        self,
        tried: Array,
        knobs: Array,
        work: Sequence[float | None],
        others: Array,
        groups: NDArray[np.intp],
        on_scale: NDArray[np.bool_] | None = None,
    ) -> None:
        known = np.vstack([tried, others])
        self.is_exact = np.asarray(~np.isnan(known).any(axis=0))
        self._ratios = {
            int(column): _ratio(tried[:, column], _worked(work)) for column in np.flatnonzero(~self.is_exact)
        }
        guessed = self._guessed(tried, work)
        scaled_for = guessed if on_scale is None or not (on_scale.any() or len(others)) else guessed[on_scale]
        has_work = any(each is not None for each in work)
        may_stay_linear = np.asarray(~self.is_exact & (not has_work))
        self.scale = CostScale(np.vstack([scaled_for, others]), may_stay_linear)
        self._models: dict[int, GaussianProcess] = {}
        scaled = self.scale.scaled(tried)
        for column in self._ratios:
            rows = np.flatnonzero(~np.isnan(tried[:, column]))
            if len(rows) < FEWEST:
                continue
            rows = rows[spread_rows(len(rows), MOST)]
            inputs = self._inputs(tried[rows], knobs[rows], [work[row] for row in rows.tolist()])
            exact = np.zeros(len(rows))
            self._models[column] = GaussianProcess(inputs, scaled[rows, column], exact, groups)

    def _inputs(self, raw: Array, knobs: Array, work: Sequence[float | None]) -> Inputs:
        """Return what costs are learned over."""
        exact = self.scale.scaled(raw)[:, self.is_exact]
        worked = [] if any(each is None for each in work) else [np.log(_worked(work))]
        return Inputs(knobs, np.column_stack([exact, *worked]).reshape(len(raw), -1))

    def _guessed(self, raw: Array, work: Sequence[float | None]) -> Array:
        """Return costs with those that are unknown in proportion to the work."""
        filled = raw.copy()
        for column, ratio in self._ratios.items():
            unknown = np.isnan(filled[:, column])
            filled[unknown, column] = ratio * _worked(work)[unknown]
        return filled

    def of(self, raw: Array, knobs: Array, work: Sequence[float | None]) -> tuple[Array, Array | None]:
        """Return costs on the scale (m x c), and the deviations of those that are guesses, if any is."""
        costs = self.scale.scaled(self._guessed(raw, work))
        if not np.isnan(raw).any():
            return costs, None
        deviations = np.zeros_like(costs)
        for column, model in self._models.items():
            unknown = np.isnan(raw[:, column])
            mean, deviation = model.predict(self._inputs(raw, knobs, work))
            costs[unknown, column] = mean[unknown]
            deviations[unknown, column] = deviation[unknown]
        return costs, deviations


def _worked(work: Sequence[float | None]) -> Array:
    return np.array([1.0 if each is None else max(each, 1.0) for each in work], dtype=np.float64)


def _ratio(costs: Array, work: Array) -> float:
    """Return the cost of a unit of work, 1 where none was measured."""
    known = ~np.isnan(costs)
    return float(np.median(costs[known] / work[known])) if known.any() else 1.0
