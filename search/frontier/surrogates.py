"""What trials say together: the models that a decision of the frontier sampler is made by."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.frontier.acquisition import Known, Promise, most_telling
from search.frontier.models.costs import CostModels, raw_costs
from search.frontier.models.feasibility import ChanceOfSuccess
from search.frontier.models.gaussian_process import Inputs, spread_rows
from search.frontier.models.learning_curves import FinalValues, as_rows, final_values
from search.frontier.models.loss_covariate import LossSignal
from search.frontier.models.training_time import TrainingTime
from search.frontier.observation import Tried
from search.frontier.points import Point

Array = NDArray[np.float64]

MOST_JUDGED = 250
"""Trials from which chances of success are learned: of more, some spread over all."""


class Knowledge:
    """What is known after these trials, each part worked out where it is first asked for.

    ``encode`` makes rows of points, and ``groups`` says to which parameter each of their columns belongs. Of
    the ``candidates`` the exact costs count as known. ``references`` say as much of errors as the
    trials, behind which they have their places, but are not on the front.
    """

    def __init__(
        self,
        tried: Sequence[Tried],
        references: Sequence[Tried],
        candidates: Sequence[Point],
        encode: Callable[[Sequence[Point]], Array],
        groups: NDArray[np.intp],
    ) -> None:
        self._tried = [*tried, *references]
        self._is_reference = np.arange(len(self._tried)) >= len(tried)
        self._knobs = encode([one.point for one in self._tried])
        self._candidates = candidates
        self._encode = encode
        self._groups = groups

    @cached_property
    def usable(self) -> NDArray[np.intp]:
        """The trials that have said something of their error, and of whose costs anything is known."""
        return np.array(
            [
                row
                for row, one in enumerate(self._tried)
                if one.errors and one.costs is not None and one.state != "failed"
            ],
            dtype=np.intp,
        )

    @cached_property
    def _num_costs(self) -> int:
        return len(self._tried[self.usable[0]].costs or ())

    @cached_property
    def _cost_models(self) -> CostModels:
        work = [self._tried[row].point.work for row in self.usable]
        others = raw_costs([point.costs for point in self._candidates], self._num_costs)
        raw, is_reference = self._raw_of_tried(self.usable), self._is_reference[self.usable]
        return CostModels(raw, self._knobs[self.usable], work, others, self._groups, ~is_reference)

    @cached_property
    def usable_costs(self) -> Array:
        """Their costs (n x c), as the models see them."""
        return self._costs_of_tried(self.usable)[0]

    def _raw_of_tried(self, rows: Sequence[int] | NDArray[np.intp]) -> Array:
        return raw_costs([self._tried[row].costs for row in rows], self._num_costs)

    def _costs_of_tried(self, rows: Sequence[int] | NDArray[np.intp]) -> tuple[Array, Array | None]:
        work = [self._tried[row].point.work for row in rows]
        return self._cost_models.of(self._raw_of_tried(rows), self._knobs[rows], work)

    @cached_property
    def guesses(self) -> FinalValues:
        """What every usable trial ended with or would end with."""
        tried = [self._tried[row] for row in self.usable]
        is_final = np.array([one.state == "complete" for one in tried], dtype=bool)
        curves = as_rows([one.errors for one in tried], self._epochs)
        return final_values(curves, self.usable_costs, is_final)

    @cached_property
    def _epochs(self) -> int:
        """The epochs of the longest training."""
        tried: list[Tried] = [self._tried[row] for row in self.usable]
        return max(max(one.epochs, max(one.errors)) for one in tried)

    @cached_property
    def _usable_inputs(self) -> Inputs:
        points = [self._tried[row].point for row in self.usable]
        return Inputs(self._knobs[self.usable], _with_hints(self.usable_costs, points))

    @cached_property
    def _known(self) -> Known:
        """What the models learn from: of many trials those that tell most."""
        tried = [self._tried[row] for row in self.usable]
        counts = np.array([one.state == "complete" and one.is_feasible for one in tried], dtype=bool)
        counts &= ~self._is_reference[self.usable]
        guesses = self.guesses
        known = Known(self._usable_inputs, guesses.values, guesses.variances, counts, self._num_costs)
        known = known[most_telling(known)]
        return replace(known, inputs=self._with_signal(known.inputs))

    def _with_signal(self, inputs: Inputs) -> Inputs:
        """Return points with what their losses tell or would tell, unless of their costs nothing is exact."""
        return self._loss_signal.added_to(inputs) if self._cost_models.is_exact.any() else inputs

    @cached_property
    def _loss_signal(self) -> LossSignal:
        losses = [self._tried[row].losses for row in self.usable]
        return LossSignal(self._usable_inputs, losses, self._epochs, self._groups)

    @cached_property
    def promise(self) -> Promise:
        """What any point may add to the front, those of running trials counted as if they had ended."""
        searched = np.flatnonzero(~self._is_reference).tolist()
        running = [row for row in searched if self._tried[row].state == "running"]
        # one may lack a cost that all others have: it may not have come to all of its parameters
        is_lacking = np.isnan(self._raw_of_tried(running)) & self._cost_models.is_exact
        running = [row for row, lacks in zip(running, is_lacking.tolist(), strict=True) if not any(lacks)]
        pending = self.inputs_of_tried(running)[0] if running else None
        return Promise(self._known, self._groups, pending, self._cost_models.scale.bound)

    @cached_property
    def training_time(self) -> TrainingTime:
        """How long a training of each point takes."""
        points = [*self._candidates, *(one.point for one in self._tried)]
        return TrainingTime([point.work for point in points])

    def inputs(self, points: Sequence[Point]) -> tuple[Inputs, Array | None]:
        """Return points as the models see them, and the deviations of their costs where any is a guess."""
        knobs = self._encode(points)
        raw = raw_costs([point.costs for point in points], self._num_costs)
        costs, deviations = self._cost_models.of(raw, knobs, [point.work for point in points])
        return self._with_signal(Inputs(knobs, _with_hints(costs, points))), deviations

    def inputs_of_tried(self, rows: Sequence[int]) -> tuple[Inputs, Array | None]:
        """Return the same of trials (their places), of whose costs more may be known."""
        costs, deviations = self._costs_of_tried(rows)
        inputs = Inputs(self._knobs[rows], _with_hints(costs, [self._tried[row].point for row in rows]))
        return self._with_signal(inputs), deviations

    @cached_property
    def chance(self) -> ChanceOfSuccess:
        """How likely a point neither fails nor breaks a limit."""
        over = [row for row, one in enumerate(self._tried) if one.state != "running"]
        over = [over[place] for place in spread_rows(len(over), MOST_JUDGED)]
        tried = [self._tried[row] for row in over]
        succeeded = np.array([one.is_of_use for one in tried], dtype=bool)
        names = sorted({name for one in tried for name in one.violations})
        violations = np.array(
            [[one.violations.get(name, math.nan) for name in names] for one in tried], dtype=np.float64
        ).reshape(len(tried), len(names))
        return ChanceOfSuccess(self._knobs[over], succeeded, violations)


def hints_of(points: Sequence[Point]) -> Array | None:
    """Return the hint at each point's error (n); None where there are none."""
    hints = [point.hint for point in points]
    return None if any(hint is None for hint in hints) else np.array(hints, dtype=np.float64)


def _with_hints(costs: Array, points: Sequence[Point]) -> Array:
    """Return the costs (n x c), and behind them the hints, where there are any."""
    hints = hints_of(points)
    return costs if hints is None else np.column_stack([costs, hints])
