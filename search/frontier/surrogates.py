"""The surrogate models of one decision, each fitted when it is first used."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.frontier.acquisition import Acquisition, TrainingSet, training_subset
from search.frontier.config import DEFAULTS
from search.frontier.models.costs import CostModels, raw_costs
from search.frontier.models.feasibility import FeasibilityModel
from search.frontier.models.gaussian_process import Inputs, spread_rows
from search.frontier.models.learning_curves import FinalValues, as_rows, final_values
from search.frontier.models.loss_covariate import LossCovariate
from search.frontier.models.training_time import TrainingTime
from search.frontier.observation import Observation
from search.frontier.points import Point

Array = NDArray[np.float64]


class SurrogateModels:
    """Models of final errors, costs, training time and feasibility, given all observations."""

    def __init__(
        self,
        observations: Sequence[Observation],
        references: Sequence[Observation],
        candidates: Sequence[Point],
        encode: Callable[[Sequence[Point]], Array],
        groups: NDArray[np.intp],
    ) -> None:
        """Take the data; nothing is fitted yet.

        Args:
            observations: The trials of the study.
            references: Further trainings: the models learn from them, but they are not on the front.
            candidates: Points whose exact costs are known.
            encode: Returns points as rows, n x d.
            groups: The parameter of each column of the rows, d.
        """
        self._observations = [*observations, *references]
        self._is_reference = np.arange(len(self._observations)) >= len(observations)
        self._x = encode([one.point for one in self._observations])
        self._candidates = candidates
        self._encode = encode
        self._groups = groups

    @cached_property
    def usable(self) -> NDArray[np.intp]:
        """The rows of observations with an error, n; those without costs only if enough others have costs."""
        with_error = [
            row for row, one in enumerate(self._observations) if one.errors and one.state != "failed"
        ]
        with_costs = [row for row in with_error if self._observations[row].costs is not None]
        can_predict = len(with_costs) >= DEFAULTS.cost_min_observations
        return np.array(with_error if can_predict else with_costs, dtype=np.intp)

    @cached_property
    def _num_costs(self) -> int:
        costs = (self._observations[row].costs for row in self.usable)
        return len(next(one for one in costs if one is not None))

    @cached_property
    def _cost_models(self) -> CostModels:
        work = [self._observations[row].point.work for row in self.usable]
        others = raw_costs([point.costs for point in self._candidates], self._num_costs)
        raw, is_reference = self._raw_costs(self.usable), self._is_reference[self.usable]
        return CostModels(raw, self._x[self.usable], work, others, self._groups, ~is_reference)

    @cached_property
    def usable_costs(self) -> Array:
        """The costs of the usable observations on the models' scale, n x c."""
        return self._costs(self.usable)[0]

    def _raw_costs(self, rows: Sequence[int] | NDArray[np.intp]) -> Array:
        return raw_costs([self._observations[row].costs for row in rows], self._num_costs)

    def _costs(self, rows: Sequence[int] | NDArray[np.intp]) -> tuple[Array, Array | None]:
        work = [self._observations[row].point.work for row in rows]
        return self._cost_models.of(self._raw_costs(rows), self._x[rows], work)

    @cached_property
    def finals(self) -> FinalValues:
        """The final errors of the usable observations, measured or extrapolated."""
        usable = [self._observations[row] for row in self.usable]
        is_final = np.array([one.state == "complete" for one in usable], dtype=bool)
        curves = as_rows([one.errors for one in usable], self._epochs)
        return final_values(curves, self.usable_costs, is_final)

    @cached_property
    def _epochs(self) -> int:
        """The epochs of the longest training."""
        usable: list[Observation] = [self._observations[row] for row in self.usable]
        return max(max(one.epochs, max(one.errors)) for one in usable)

    @cached_property
    def _usable_inputs(self) -> Inputs:
        points = [self._observations[row].point for row in self.usable]
        return Inputs(self._x[self.usable], _with_prior_errors(self.usable_costs, points))

    @cached_property
    def _training_set(self) -> TrainingSet:
        usable = [self._observations[row] for row in self.usable]
        on_front = np.array([one.state == "complete" and one.is_feasible for one in usable], dtype=bool)
        on_front &= ~self._is_reference[self.usable]
        finals = self.finals
        known = TrainingSet(self._usable_inputs, finals.values, finals.variances, on_front, self._num_costs)
        known = known[training_subset(known)]
        return replace(known, inputs=self._with_covariate(known.inputs))

    def _with_covariate(self, inputs: Inputs) -> Inputs:
        """Return points with their predicted training loss; without exact costs the points alone."""
        return self._loss_covariate.added_to(inputs) if self._has_covariate else inputs

    @property
    def _has_covariate(self) -> bool:
        return bool(self._cost_models.is_exact.any())

    @cached_property
    def _loss_covariate(self) -> LossCovariate:
        losses = [self._observations[row].losses for row in self.usable]
        return LossCovariate(self._usable_inputs, losses, self._epochs, self._groups)

    @cached_property
    def acquisition(self) -> Acquisition:
        """The acquisition function, conditioned on running trials."""
        searched = np.flatnonzero(~self._is_reference).tolist()
        running = [row for row in searched if self._observations[row].state == "running"]
        # a running trial of another program may not have suggested the parameters that its costs need
        lacks_cost = np.isnan(self._raw_costs(running)) & self._cost_models.is_exact
        running = [row for row, lacks in zip(running, lacks_cost.tolist(), strict=True) if not any(lacks)]
        pending = self.inputs_of_observations(running)[0] if running else None
        costs = self._cost_models
        return Acquisition(self._training_set, self._groups, pending, costs.scale.bound, costs.is_exact)

    @cached_property
    def training_time(self) -> TrainingTime:
        """The relative training time of points."""
        points = [*self._candidates, *(one.point for one in self._observations)]
        return TrainingTime([point.work for point in points])

    def inputs(self, points: Sequence[Point]) -> tuple[Inputs, Array | None]:
        """Return points as model inputs, and standard deviations of predicted costs (m x c) or None."""
        x = self._encode(points)
        raw = raw_costs([point.costs for point in points], self._num_costs)
        costs, deviations = self._cost_models.of(raw, x, [point.work for point in points])
        return self._with_covariate(Inputs(x, _with_prior_errors(costs, points))), deviations

    def inputs_of_observations(self, rows: Sequence[int]) -> tuple[Inputs, Array | None]:
        """Return the same for observations, whose measured costs count."""
        costs, deviations = self._costs(rows)
        points = [self._observations[row].point for row in rows]
        return self._with_covariate(Inputs(self._x[rows], _with_prior_errors(costs, points))), deviations

    @cached_property
    def feasibility(self) -> FeasibilityModel:
        """The probability that a trial neither fails nor violates a constraint."""
        ended = [row for row, one in enumerate(self._observations) if one.state != "running"]
        ended = [ended[place] for place in spread_rows(len(ended), DEFAULTS.feasibility_max_observations)]
        observations = [self._observations[row] for row in ended]
        succeeded = np.array([one.is_success for one in observations], dtype=bool)
        names = sorted({name for one in observations for name in one.violations})
        violations = np.array(
            [[one.violations.get(name, math.nan) for name in names] for one in observations], dtype=np.float64
        ).reshape(len(observations), len(names))
        return FeasibilityModel(self._x[ended], succeeded, violations)


def prior_errors_of(points: Sequence[Point]) -> Array | None:
    """Return the prior error of each point, n; None if a point has none."""
    errors = [point.prior_error for point in points]
    return None if any(error is None for error in errors) else np.array(errors, dtype=np.float64)


def _with_prior_errors(costs: Array, points: Sequence[Point]) -> Array:
    """Return the costs (n x c), followed by a column of prior errors if there are any."""
    errors = prior_errors_of(points)
    return costs if errors is None else np.column_stack([costs, errors])
