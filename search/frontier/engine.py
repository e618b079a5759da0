"""The decision of the frontier sampler: of all new points, the one expected to add most to the front."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.frontier.candidates import Candidates
from search.frontier.cost_models import CostModels, raw_costs
from search.frontier.curves import FinalValues, as_rows, final_values
from search.frontier.gaussian_process import Inputs
from search.frontier.loss_signal import LossSignal
from search.frontier.points import Encoding, Point, PointSource
from search.frontier.promise import (
    ChanceOfSuccess,
    CostScale,
    Known,
    Promise,
    excess_errors,
    most_telling,
)
from search.frontier.startup import place_on_scale, spread_out
from search.frontier.threads import one_thread
from search.frontier.training_time import TrainingTime
from search.frontier.tried import Tried
from search.seeds import derive_seed

Array = NDArray[np.float64]

STARTUP = 8
"""Trials that are spread over the space before the models are asked."""
NUM_WHOLE = 4
"""The first trials go to their ends: before, nobody knows what an early epoch says of the last."""
FEWEST = 3
"""Trials that must have said something before the models are asked."""
WORTHWHILE = 3e-3
"""Growth of the hypervolume for which a training goes on that competes with nothing, in parts of it."""
OVERRATED = 2.5
"""How many times too high the best guess of many new points is, beside that of a training that has begun."""
MOST_PAUSED = 128
"""Paused trainings that are looked at closely: of more, those nearest to the front."""
MOST_JUDGED = 400
"""Trials from which chances of success are learned: of more, some spread over all."""
REFINED, CLOSE, ROUNDS = 3, 4, 2
"""Best points from which the search goes on, how many points close to each are looked at, and how often."""


class Engine:
    """Chooses points. What it chooses depends on its arguments alone; what it keeps saves time.

    ``num_startup`` trials are spread over the space first. What is expected of a point is weighed by
    how long its training takes. ``rungs`` are the epochs after which a training may be
    paused, the last of them its end; without any, all trainings are whole.
    """

    def __init__(
        self,
        seed: int,
        num_startup: int = STARTUP,
        *,
        rungs: Sequence[int] = (),
    ) -> None:
        self.seed = seed
        self.rungs = tuple(rungs)
        self.num_startup = num_startup
        self._candidates = Candidates(seed)
        self._encoding: Encoding | None = None
        self._rows: dict[object, Array] = {}

    def decide(
        self, source: PointSource, tried: Sequence[Tried], number: int, *, may_start: bool = True
    ) -> Decision:
        """Return the decision after these trials; ``number`` is that of the next one, for its seed.

        Where nothing new ``may_start``, it is only about trainings to go on with.
        """
        rng = random.Random(derive_seed(self.seed, number, "candidates"))
        candidates = self._candidates.find(source, tried, rng)
        return Decision(self, source, tried, candidates, rng, may_start=may_start)

    def is_whole_space(self) -> bool:
        """Return whether every point of the space is a candidate."""
        return self._candidates.are_all

    def rows(self, source: PointSource, points: Sequence[Point]) -> Array:
        """Return points as rows of numbers, each of them encoded once."""
        if self._encoding is None or not self._encoding.is_of(source):
            self._encoding, self._rows = Encoding(source.distributions, source.optional), {}
        # by parameters, not by identity: two spellings of one network are two rows
        new = {point.spelling: point for point in points if point.spelling not in self._rows}
        encoded = self._encoding.rows([point.params for point in new.values()])
        self._rows.update(zip(new, encoded, strict=True))
        rows = [self._rows[point.spelling] for point in points]
        return np.array(rows).reshape(len(points), len(self._encoding.groups))

    def groups(self) -> NDArray[np.intp]:
        """Return for each column of ``rows`` the parameter it belongs to."""
        assert self._encoding is not None
        return self._encoding.groups


class Decision:
    """One decision over a list of candidates, worked out where it is asked for."""

    def __init__(
        self,
        engine: Engine,
        source: PointSource,
        tried: Sequence[Tried],
        candidates: list[Point],
        rng: random.Random,
        *,
        may_start: bool,
    ) -> None:
        self._engine = engine
        self._may_start = may_start
        self._source = source
        self._tried = tried
        self._candidates = candidates
        self._rng = rng
        self._knobs = engine.rows(source, [one.point for one in tried])

    @cached_property
    def best(self) -> Point | None:
        """The point to try; None if the source has none that is new."""
        if not self._candidates or not self._may_start:
            return None
        with one_thread():
            return self._best()

    def _best(self) -> Point:
        if len(self._tried) < self._engine.num_startup or len(self._usable) < FEWEST:
            return self._spread_out()
        if self._engine.is_whole_space():
            return self._candidates[int(np.argmax(self._candidate_scores))]
        return self._refined(self._candidate_scores)

    def _spread_out(self) -> Point:
        """Return a point for the start: from small to large, and far from those that were tried."""
        knobs = self._engine.rows(self._source, self._candidates)
        costs = _raw(self._candidates)
        costs = costs[:, ~np.isnan(costs).any(axis=0)]
        work = [point.work for point in self._candidates]
        if not costs.shape[1] and all(each is not None for each in work):
            costs = np.array(work, dtype=np.float64)[:, None]
        if costs.shape[1]:
            costs = CostScale(costs).scaled(costs)
        place = place_on_scale(len(self._tried))
        hints = _hints(self._candidates) if len(self._tried) % 2 else None  # hints may mislead
        return self._candidates[spread_out(costs, knobs, self._knobs, place, self._rng, hints)]

    def best_to_continue(self, paused: Sequence[int]) -> int | None:
        """Return which of the paused trials (their places) to go on with, or None.

        That is where what a training may still add, over the time that is left of it, is more than any new
        point promises for its time, divided by ``OVERRATED``; and where nothing new may start,
        if it is worth it at all.
        """
        with one_thread():
            return self._best_to_continue(paused)

    def _best_to_continue(self, paused: Sequence[int]) -> int | None:
        if not paused:
            return None
        if paused[0] < NUM_WHOLE:
            return paused[0]
        competes = self._may_start and bool(self._candidates)
        if len(self._tried) < self._engine.num_startup or len(self._usable) < FEWEST:
            return None if competes else paused[0]
        paused = self._nearest_to_front(paused)
        points = [self._tried[row].point for row in paused]
        inputs, deviation = self._inputs_of_tried(paused)
        places = np.searchsorted(self._usable, paused)
        guesses, variances = self._guesses.values[places], self._guesses.variances[places]
        growth = self._promise.growth_of_trainings(inputs, guesses, variances, deviation)
        left = np.array([1.0 - max(self._tried[row].errors) / self._engine.rungs[-1] for row in paused])
        rates = growth / (left * self._training_time.of([point.work for point in points]))
        best = int(np.argmax(rates))
        if competes:
            is_best = OVERRATED * rates[best] > self._candidate_scores.max()
        else:
            is_best = growth[best] > WORTHWHILE * self._promise.hypervolume
        return paused[best] if is_best else None

    def _nearest_to_front(self, paused: Sequence[int]) -> Sequence[int]:
        """Return the paused trials that are worth a closer look, in their order."""
        if len(paused) <= MOST_PAUSED:
            return paused
        excess = excess_errors(self._guesses.values, self._usable_costs)
        excess = excess[np.searchsorted(self._usable, paused)]
        kept = np.sort(np.argsort(excess, kind="stable")[:MOST_PAUSED])
        return [paused[place] for place in kept]

    # -- what is known ---------------------------------------------------------------------------------

    @cached_property
    def _usable(self) -> NDArray[np.intp]:
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
        return len(self._tried[self._usable[0]].costs or ())

    @cached_property
    def _cost_models(self) -> CostModels:
        work = [self._tried[row].point.work for row in self._usable]
        others = raw_costs([point.costs for point in self._candidates], self._num_costs)
        return CostModels(
            self._raw_of_tried(self._usable), self._knobs[self._usable], work, others, self._engine.groups()
        )

    @cached_property
    def _usable_costs(self) -> Array:
        return self._costs_of_tried(self._usable)[0]

    def _raw_of_tried(self, rows: Sequence[int] | NDArray[np.intp]) -> Array:
        return raw_costs([self._tried[row].costs for row in rows], self._num_costs)

    def _costs_of_tried(self, rows: Sequence[int] | NDArray[np.intp]) -> tuple[Array, Array | None]:
        work = [self._tried[row].point.work for row in rows]
        return self._cost_models.of(self._raw_of_tried(rows), self._knobs[rows], work)

    @cached_property
    def _guesses(self) -> FinalValues:
        """What every usable trial ended with or would end with."""
        tried = [self._tried[row] for row in self._usable]
        is_final = np.array([one.state == "complete" for one in tried], dtype=bool)
        curves = as_rows([one.errors for one in tried], self._epochs)
        return final_values(curves, self._usable_costs, is_final)

    @cached_property
    def _epochs(self) -> int:
        """The epochs of the longest training."""
        tried: list[Tried] = [self._tried[row] for row in self._usable]
        return max(max(one.epochs, max(one.errors)) for one in tried)

    @cached_property
    def _usable_inputs(self) -> Inputs:
        points = [self._tried[row].point for row in self._usable]
        return Inputs(self._knobs[self._usable], _with_hints(self._usable_costs, points))

    @cached_property
    def _known(self) -> Known:
        """What the models learn from: of many trials those that tell most."""
        tried = [self._tried[row] for row in self._usable]
        counts = np.array([one.state == "complete" and one.is_feasible for one in tried], dtype=bool)
        guesses = self._guesses
        known = Known(self._usable_inputs, guesses.values, guesses.variances, counts, self._num_costs)
        known = known[most_telling(known)]
        return replace(known, inputs=self._with_signal(known.inputs))

    def _with_signal(self, inputs: Inputs) -> Inputs:
        """Return points with what their losses tell or would tell, unless of their costs nothing is exact."""
        return self._loss_signal.added_to(inputs) if self._cost_models.is_exact.any() else inputs

    @cached_property
    def _loss_signal(self) -> LossSignal:
        losses = [self._tried[row].losses for row in self._usable]
        return LossSignal(self._usable_inputs, losses, self._epochs, self._engine.groups())

    @cached_property
    def _promise(self) -> Promise:
        running = [row for row, one in enumerate(self._tried) if one.state == "running"]
        pending = self._inputs_of_tried(running)[0] if running else None
        return Promise(self._known, self._engine.groups(), pending, self._cost_models.scale.bound)

    @cached_property
    def _training_time(self) -> TrainingTime:
        points = [*self._candidates, *(one.point for one in self._tried)]
        return TrainingTime([point.work for point in points])

    # -- candidates ------------------------------------------------------------------------------------

    def _inputs(self, points: Sequence[Point]) -> tuple[Inputs, Array | None]:
        """Return points as the models see them, and the deviations of their costs where any is a guess."""
        knobs = self._engine.rows(self._source, points)
        raw = raw_costs([point.costs for point in points], self._num_costs)
        costs, deviations = self._cost_models.of(raw, knobs, [point.work for point in points])
        return self._with_signal(Inputs(knobs, _with_hints(costs, points))), deviations

    def _inputs_of_tried(self, rows: Sequence[int]) -> tuple[Inputs, Array | None]:
        """Return the same of trials (their places), of whose costs more may be known."""
        costs, deviations = self._costs_of_tried(rows)
        inputs = Inputs(self._knobs[rows], _with_hints(costs, [self._tried[row].point for row in rows]))
        return self._with_signal(inputs), deviations

    @cached_property
    def _candidate_scores(self) -> Array:
        return self._scores(self._candidates)

    def _scores(self, points: Sequence[Point]) -> Array:
        """Return what each point is expected to add to the hypervolume, by its chance and time."""
        inputs, deviation = self._inputs(points)
        growth = np.maximum(self._promise.growth(inputs, deviation), 1e-15)
        scores = growth * self._chance.of(inputs.knobs)
        return np.asarray(scores / self._training_time.of([point.work for point in points]))

    @cached_property
    def _chance(self) -> ChanceOfSuccess:
        over = [row for row, one in enumerate(self._tried) if one.state != "running"]
        over = over[:: math.ceil(len(over) / MOST_JUDGED) or 1]
        tried = [self._tried[row] for row in over]
        succeeded = np.array([one.state != "failed" and one.is_feasible for one in tried], dtype=bool)
        return ChanceOfSuccess(self._knobs[over], succeeded)

    def _refined(self, scores: Array) -> Point:
        """Return the best point that is found by going on from the best candidates."""
        order = np.argsort(-scores, kind="stable")[:REFINED]
        best, score = self._candidates[int(order[0])], float(scores[order[0]])
        starts = [self._candidates[int(row)] for row in order]
        tried = {one.point.key for one in self._tried}
        for _ in range(ROUNDS):
            near = [self._source.neighbour(start, self._rng) for start in starts for _ in range(CLOSE)]
            new = [point for point in near if point is not None and point.key not in tried]
            found = self._scores(new) if new else np.zeros(0)
            if not new or found.max() <= score:
                break
            best, score = new[int(np.argmax(found))], float(found.max())
            starts = [best]
        return best


def _hints(points: Sequence[Point]) -> Array | None:
    """Return the hint at each point's error (n); None where there are none."""
    hints = [point.hint for point in points]
    return None if any(hint is None for hint in hints) else np.array(hints, dtype=np.float64)


def _with_hints(costs: Array, points: Sequence[Point]) -> Array:
    """Return the costs (n x c), and behind them the hints, where there are any."""
    hints = _hints(points)
    return costs if hints is None else np.column_stack([costs, hints])


def _raw(points: Sequence[Point]) -> Array:
    """Return the costs known of points, NaN for those that are not; n x 0 where nothing is said of any."""
    return raw_costs([point.costs for point in points], max(len(point.costs or ()) for point in points))
