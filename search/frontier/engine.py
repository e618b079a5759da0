"""The decision of the frontier sampler: of all new points, the one expected to add most to the front."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from search.frontier.acquisition import CostScale, excess_errors
from search.frontier.candidates import Candidates
from search.frontier.initial_design import place_on_scale, spread_out
from search.frontier.models.costs import raw_costs
from search.frontier.models.kernels import squared_distances
from search.frontier.observation import Tried
from search.frontier.points import Encoding, Point, PointSource
from search.frontier.surrogates import Knowledge, hints_of
from search.frontier.threads import one_thread
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
HARDLY_ANY = 1e-15
"""Growth of the hypervolume below which chance and time alone count; less where all promise little."""
REFINED, CLOSE, ROUNDS = 3, 4, 2
"""Best points from which the search goes on, how many points close to each are looked at, and how often."""
NEARLY_BEST, MOST_UNLIKE = 0.9, 64
"""Share of the best promise from which on a point is as good as the best, and how many such are compared."""


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
        self,
        source: PointSource,
        tried: Sequence[Tried],
        number: int,
        *,
        may_start: bool = True,
        references: Sequence[Tried] = (),
    ) -> Decision:
        """Return the decision after these trials; ``number`` is that of the next one, for its seed.

        Where nothing new ``may_start``, it is only about trainings to go on with. ``references`` are learned
        from, but their points are there to be tried, and what they reach is no part of the front.
        """
        rng = random.Random(derive_seed(self.seed, number, "candidates"))
        candidates = self._candidates.find(source, tried, rng, references)
        return Decision(self, source, tried, candidates, rng, may_start=may_start, references=references)

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
        references: Sequence[Tried],
    ) -> None:
        self._engine = engine
        self._may_start = may_start
        self._source = source
        self._tried = tried
        self._candidates = candidates
        self._rng = rng
        self._knobs = engine.rows(source, [one.point for one in tried])
        encode = partial(engine.rows, source)
        self._known = Knowledge(tried, references, candidates, encode, engine.groups())

    @cached_property
    def best(self) -> Point | None:
        """The point to try; None if the source has none that is new."""
        if not self._candidates or not self._may_start:
            return None
        with one_thread():
            return self._best()

    def _best(self) -> Point:
        if len(self._tried) < self._engine.num_startup or len(self._known.usable) < FEWEST:
            return self._spread_out()
        if self._known.promise.foresight.is_poor:
            return self._explored()
        if self._engine.is_whole_space():
            return self._candidates[int(np.argmax(self._candidate_scores))]
        return self._refined(self._candidate_scores)

    def _explored(self) -> Point:
        """Return a point where the model knows little: twice one near the best, then one by chance."""
        near = self._near_best() if len(self._tried) % 3 else None
        return near or self._rng.choice(self._candidates)

    def _near_best(self) -> Point | None:
        """Return a new point close to the one of the least error that was seen; None if none was found."""
        seen = [one for one in self._tried if one.errors and one.is_of_use]
        if not seen:
            return None
        best = min(seen, key=lambda one: one.errors[max(one.errors)])
        tried = {one.point.key for one in self._tried}
        near = (self._source.neighbour(best.point, self._rng) for _ in range(CLOSE))
        return next((point for point in near if point is not None and point.key not in tried), None)

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
        hints = hints_of(self._candidates) if len(self._tried) % 2 else None  # hints may mislead
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
        if len(self._tried) < self._engine.num_startup or len(self._known.usable) < FEWEST:
            return None if competes else paused[0]
        paused = self._nearest_to_front(paused)
        points = [self._tried[row].point for row in paused]
        inputs, deviation = self._known.inputs_of_tried(paused)
        places = np.searchsorted(self._known.usable, paused)
        guesses, variances = self._known.guesses.values[places], self._known.guesses.variances[places]
        growth = self._known.promise.growth_of_trainings(inputs, guesses, variances, deviation)
        left = np.array([1.0 - max(self._tried[row].errors) / self._engine.rungs[-1] for row in paused])
        rates = growth / (left * self._known.training_time.of([point.work for point in points]))
        best = int(np.argmax(rates))
        if competes:
            return paused[best] if OVERRATED * rates[best] > self._candidate_scores.max() else None
        worthwhile = np.flatnonzero(growth > WORTHWHILE * self._known.promise.hypervolume)
        return paused[int(worthwhile[np.argmax(rates[worthwhile])])] if len(worthwhile) else None

    def _nearest_to_front(self, paused: Sequence[int]) -> Sequence[int]:
        """Return the paused trials that are worth a closer look, in their order."""
        if len(paused) <= MOST_PAUSED:
            return paused
        excess = excess_errors(self._known.guesses.values, self._known.usable_costs)
        excess = excess[np.searchsorted(self._known.usable, paused)]
        kept = np.sort(np.argsort(excess, kind="stable")[:MOST_PAUSED])
        return [paused[place] for place in kept]

    # -- candidates ------------------------------------------------------------------------------------

    @cached_property
    def _candidate_scores(self) -> Array:
        return self._scores(self._candidates)

    def _scores(self, points: Sequence[Point]) -> Array:
        """Return what each point is expected to add to the hypervolume, by its chance and time."""
        inputs, deviation = self._known.inputs(points)
        growth = self._known.promise.growth(inputs, deviation)
        growth = np.maximum(growth, min(HARDLY_ANY, 1e-9 * float(growth.max(initial=0.0))) or 1e-300)
        scores = growth * self._known.chance.of(inputs.knobs)
        return np.asarray(scores / self._known.training_time.of([point.work for point in points]))

    def _refined(self, scores: Array) -> Point:
        """Return the best point that is found by going on from the best candidates, or one about as good.

        Of those nearly as good as the best it is the one most unlike all that were tried: where the model is
        wrong, that shows it soonest.
        """
        order = np.argsort(-scores, kind="stable")[:MOST_UNLIKE]
        seen = [(float(scores[row]), self._candidates[int(row)]) for row in order]
        best = seen[0][0]
        starts = [point for _, point in seen[:REFINED]]
        tried = {one.point.key for one in self._tried}
        for _ in range(ROUNDS):
            near = [self._source.neighbour(start, self._rng) for start in starts for _ in range(CLOSE)]
            new = [point for point in near if point is not None and point.key not in tried]
            found = self._scores(new) if new else np.zeros(0)
            seen += zip(found.tolist(), new, strict=True)
            if not new or found.max() <= best:
                break
            best = float(found.max())
            starts = [new[int(np.argmax(found))]]
        return self._most_unlike([point for score, point in seen if score >= NEARLY_BEST * best])

    def _most_unlike(self, points: Sequence[Point]) -> Point:
        """Return the point that is farthest from all that were tried; of equal ones the first."""
        distances = squared_distances(self._engine.rows(self._source, points), self._knobs)
        return points[int(np.argmax(distances.min(axis=1, initial=np.inf)))]


def _raw(points: Sequence[Point]) -> Array:
    """Return the costs known of points, NaN for those that are not; n x 0 where nothing is said of any."""
    return raw_costs([point.costs for point in points], max(len(point.costs or ()) for point in points))
