"""Costs of points: exact where they are known, predicted from other points elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.frontier.config import DEFAULTS
from search.frontier.models.gaussian_process import GaussianProcess, Inputs, spread_rows

Array = NDArray[np.float64]


def raw_costs(costs: Sequence[tuple[float, ...] | None], num_costs: int) -> Array:
    """Return the known costs of points, n x c; NaN where unknown."""
    unknown = (np.nan,) * num_costs
    rows = [unknown if known is None else known for known in costs]
    return np.array(rows, dtype=np.float64).reshape(len(costs), num_costs)


class CostScale:
    """The scale of each cost: logarithmic where positive values span more than ``log_scale_ratio``.

    A column that ``may_stay_linear`` does so if its logarithms are more skewed than its values: values that merely
    come close to zero span decades as well.
    """

    def __init__(self, costs: Array, may_stay_linear: NDArray[np.bool_] | None = None) -> None:
        if not costs.shape[1]:
            self._is_log, self.bound = np.zeros(0, dtype=bool), np.zeros(0)
            return
        low, high = np.nanmin(costs, axis=0), np.nanmax(costs, axis=0)
        self._is_log = (low > 0) & (high > DEFAULTS.log_scale_ratio * low)
        if may_stay_linear is None:
            may_stay_linear = np.zeros(costs.shape[1], dtype=bool)
        for column in np.flatnonzero(self._is_log & may_stay_linear):
            values = costs[~np.isnan(costs[:, column]), column]
            self._is_log[column] = _skewness(np.log(values)) <= _skewness(values)
        low, high = self.scaled(low[None])[0], self.scaled(high[None])[0]
        self.bound = high + DEFAULTS.reference_margin * (high - low) + 1e-12
        """The reference of each cost on its scale: slightly above the highest."""

    def scaled(self, costs: Array) -> Array:
        """Return the costs on their scales, n x c; NaN stays NaN."""
        is_positive = np.isnan(costs) | (costs > 0)
        logs = np.log(np.where(self._is_log & is_positive, costs, 1.0))
        return np.where(self._is_log, logs, costs)


def _skewness(values: Array) -> float:
    """Return the distance of the median from the middle of the range, as a fraction of the range."""
    low, high = float(values.min()), float(values.max())
    return abs((float(np.median(values)) - low) / (high - low) - 0.5) if high > low else 0.0


class CostModels:
    """The costs of all points on a common scale.

    A cost that is known for every point is exact. Another one is predicted by a Gaussian process over ``x``, the
    exact costs and the work; with few measurements it is proportional to the work.
    """

    def __init__(
        self,
        observed: Array,
        x: Array,
        work: Sequence[float | None],
        others: Array,
        groups: NDArray[np.intp],
        on_scale: NDArray[np.bool_] | None = None,
    ) -> None:
        """Fit the models.

        Args:
            observed: Costs of the observations, n x c; NaN where unknown.
            x: The observations as rows, n x d.
            work: Their work, n.
            others: Costs of points without an observation, m x c.
            groups: The parameter of each column of ``x``.
            on_scale: Which observations define the scale, n; by default all.
        """
        known = np.vstack([observed, others])
        self.is_exact = np.asarray(~np.isnan(known).any(axis=0))
        self._ratios = {
            int(column): _ratio(observed[:, column], _work(work)) for column in np.flatnonzero(~self.is_exact)
        }
        filled = self._filled(observed, work)
        scaled_for = filled if on_scale is None or not (on_scale.any() or len(others)) else filled[on_scale]
        has_work = any(each is not None for each in work)
        may_stay_linear = np.asarray(~self.is_exact & (not has_work))
        self.scale = CostScale(np.vstack([scaled_for, others]), may_stay_linear)
        self._models: dict[int, GaussianProcess] = {}
        scaled = self.scale.scaled(observed)
        for column in self._ratios:
            rows = np.flatnonzero(~np.isnan(observed[:, column]))
            if len(rows) < DEFAULTS.cost_min_observations:
                continue
            rows = rows[spread_rows(len(rows), DEFAULTS.cost_max_observations)]
            inputs = self._inputs(observed[rows], x[rows], [work[row] for row in rows.tolist()])
            no_variance = np.zeros(len(rows))
            self._models[column] = GaussianProcess(inputs, scaled[rows, column], no_variance, groups)

    def _inputs(self, raw: Array, x: Array, work: Sequence[float | None]) -> Inputs:
        exact = self.scale.scaled(raw)[:, self.is_exact]
        log_work = [] if any(each is None for each in work) else [np.log(_work(work))]
        return Inputs(x, np.column_stack([exact, *log_work]).reshape(len(raw), -1))

    def _filled(self, raw: Array, work: Sequence[float | None]) -> Array:
        """Return costs, with unknown ones proportional to the work."""
        filled = raw.copy()
        for column, ratio in self._ratios.items():
            unknown = np.isnan(filled[:, column])
            filled[unknown, column] = ratio * _work(work)[unknown]
        return filled

    def of(self, raw: Array, x: Array, work: Sequence[float | None]) -> tuple[Array, Array | None]:
        """Return costs on the scale (m x c), and standard deviations if any is predicted, else None."""
        costs = self.scale.scaled(self._filled(raw, work))
        if not np.isnan(raw).any():
            return costs, None
        deviations = np.zeros_like(costs)
        for column, model in self._models.items():
            unknown = np.isnan(raw[:, column])
            mean, deviation = model.predict(self._inputs(raw, x, work))
            costs[unknown, column] = mean[unknown]
            deviations[unknown, column] = deviation[unknown]
        return costs, deviations


def _work(work: Sequence[float | None]) -> Array:
    return np.array([1.0 if each is None else max(each, 1.0) for each in work], dtype=np.float64)


def _ratio(costs: Array, work: Array) -> float:
    """Return the median cost of a unit of work; 1 without measurements."""
    known = ~np.isnan(costs)
    return float(np.median(costs[known] / work[known])) if known.any() else 1.0
