"""The engine of the frontier sampler: chooses the next point, or a paused training to resume.

The engine knows no Optuna types: a ``PointSource`` draws points and encodes them as rows of numbers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.frontier.acquisition import excess_errors
from search.frontier.candidates import Candidates
from search.frontier.config import DEFAULTS, LocalSearch
from search.frontier.initial_design import choose_initial, place_on_scale
from search.frontier.models.costs import CostScale, raw_costs
from search.frontier.models.kernels import squared_distances
from search.frontier.observation import Observation
from search.frontier.points import Point, PointSource
from search.frontier.surrogates import SurrogateModels, prior_errors_of
from search.frontier.threads import one_thread
from search.study.seeds import derive_seed

Array = NDArray[np.float64]


class Engine:
    """Makes decisions. A decision depends on its arguments alone; the engine's state only saves time.

    Args:
        seed: The seed of the study.
        num_initial: Trials of the initial design.
        rungs: Epochs at which trainings may pause, the last of them their end; empty if trainings never pause.
    """

    def __init__(
        self, seed: int, num_initial: int = DEFAULTS.num_initial, *, rungs: Sequence[int] = ()
    ) -> None:
        self.seed = seed
        self.rungs = tuple(rungs)
        self.num_initial = num_initial
        self._candidates = Candidates(seed)

    def decide(
        self,
        source: PointSource,
        observations: Sequence[Observation],
        number: int,
        *,
        may_start: bool = True,
        references: Sequence[Observation] = (),
    ) -> Decision:
        """Return the decision after these observations.

        Args:
            source: The search space.
            observations: All trials so far.
            number: The number of the next trial; it seeds the decision.
            may_start: Whether a new trial may start, or only paused trainings may resume.
            references: Further trainings. The models learn from them, their points may still be chosen, and their
                results are not on the front.
        """
        rng = random.Random(derive_seed(self.seed, number, "candidates"))
        candidates = self._candidates.find(source, observations, rng, references)
        return Decision(
            self,
            source,
            observations,
            candidates,
            rng,
            may_start=may_start,
            is_whole_space=self._candidates.are_all,
            local_search=self._candidates.local_search,
            references=references,
        )


class Decision:
    """One decision over a list of candidates, computed on first use."""

    def __init__(
        self,
        engine: Engine,
        source: PointSource,
        observations: Sequence[Observation],
        candidates: list[Point],
        rng: random.Random,
        *,
        may_start: bool,
        is_whole_space: bool,
        local_search: LocalSearch,
        references: Sequence[Observation],
    ) -> None:
        self._engine = engine
        self._may_start = may_start
        self._is_whole_space = is_whole_space
        self._local_search = local_search
        self._source = source
        self._observations = observations
        self._candidates = candidates
        self._rng = rng
        self._x = source.rows([one.point for one in observations])
        self._models = SurrogateModels(observations, references, candidates, source.rows, source.groups)

    @cached_property
    def best(self) -> Point | None:
        """The point to evaluate next; None if the space has no new one."""
        if not self._candidates or not self._may_start:
            return None
        with one_thread():
            return self._best()

    def _best(self) -> Point:
        if self._is_initial:
            return self._initial()
        if self._models.acquisition.validation.is_poor:
            return self._explore()
        if self._is_whole_space:
            return self._candidates[int(np.argmax(self._candidate_scores))]
        return self._refine(self._candidate_scores)

    @property
    def _is_initial(self) -> bool:
        too_few = len(self._models.usable) < DEFAULTS.min_observations
        return len(self._observations) < self._engine.num_initial or too_few

    def _explore(self) -> Point:
        """Return a point where the model is poor: two of three near the best, the third at random."""
        near = self._near_best() if len(self._observations) % 3 else None
        return near or self._rng.choice(self._candidates)

    def _near_best(self) -> Point | None:
        """Return a new neighbour of the point with the lowest error; None if none was found."""
        seen = [one for one in self._observations if one.errors and one.is_success]
        if not seen:
            return None
        best = min(seen, key=lambda one: one.errors[max(one.errors)])
        observed = {one.point.key for one in self._observations}
        near = (self._source.neighbour(best.point, self._rng) for _ in range(self._local_search.neighbours))
        return next((point for point in near if point is not None and point.key not in observed), None)

    def _initial(self) -> Point:
        """Return the next point of the initial design."""
        x = self._source.rows(self._candidates)
        num_costs = max(len(point.costs or ()) for point in self._candidates)
        costs = raw_costs([point.costs for point in self._candidates], num_costs)
        costs = costs[:, ~np.isnan(costs).any(axis=0)]
        work = [point.work for point in self._candidates]
        if not costs.shape[1] and all(each is not None for each in work):
            costs = np.array(work, dtype=np.float64)[:, None]
        if costs.shape[1]:
            costs = CostScale(costs).scaled(costs)
        place = place_on_scale(len(self._observations))
        # every second trial ignores the prior errors, which may mislead
        prior_errors = prior_errors_of(self._candidates) if len(self._observations) % 2 else None
        return self._candidates[choose_initial(costs, x, self._x, place, self._rng, prior_errors)]

    # -- paused trainings --------------------------------------------------------------------------------

    def best_to_continue(self, paused: Sequence[int]) -> int | None:
        """Return which of the paused trials (indices of observations) to resume, or None.

        A paused training competes with new points by expected hypervolume improvement per remaining time; the
        maximum over new points is divided by ``optimism_of_new``. If nothing new may start, a training resumes if its
        improvement exceeds ``min_relative_hvi`` of the hypervolume.
        """
        with one_thread():
            return self._best_to_continue(paused)

    def _best_to_continue(self, paused: Sequence[int]) -> int | None:
        if not paused:
            return None
        if paused[0] < DEFAULTS.num_whole:
            return paused[0]
        competes = self._may_start and bool(self._candidates)
        if self._is_initial:
            return None if competes else paused[0]
        paused = self._nearest_to_front(paused)
        points = [self._observations[row].point for row in paused]
        inputs, deviation = self._models.inputs_of_observations(paused)
        rows = np.searchsorted(self._models.usable, paused)
        finals, variances = self._models.finals.values[rows], self._models.finals.variances[rows]
        acquisition = self._models.acquisition
        improvement = acquisition.improvement_of_trainings(inputs, finals, variances, deviation)
        epochs = self._engine.rungs[-1]
        left = np.array([1.0 - max(self._observations[row].errors) / epochs for row in paused])
        rates = improvement / (left * self._models.training_time.of([point.work for point in points]))
        best = int(np.argmax(rates))
        if competes:
            is_better = DEFAULTS.optimism_of_new * rates[best] > self._candidate_scores.max()
            return paused[best] if is_better else None
        worthwhile = np.flatnonzero(improvement > DEFAULTS.min_relative_hvi * acquisition.hypervolume)
        return paused[int(worthwhile[np.argmax(rates[worthwhile])])] if len(worthwhile) else None

    def _nearest_to_front(self, paused: Sequence[int]) -> Sequence[int]:
        """Return at most ``max_paused`` of the paused trials, in their order."""
        if len(paused) <= DEFAULTS.max_paused:
            return paused
        excess = excess_errors(self._models.finals.values, self._models.usable_costs)
        excess = excess[np.searchsorted(self._models.usable, paused)]
        kept = np.sort(np.argsort(excess, kind="stable")[: DEFAULTS.max_paused])
        return [paused[place] for place in kept]

    # -- new points --------------------------------------------------------------------------------------

    @cached_property
    def _candidate_scores(self) -> Array:
        return self._scores(self._candidates)

    def _scores(self, points: Sequence[Point]) -> Array:
        """Return ``EHVI * P(feasible) / training time`` of each point, n."""
        inputs, deviation = self._models.inputs(points)
        improvement = self._models.acquisition.improvement(inputs, deviation)
        floor = min(DEFAULTS.min_acquisition, 1e-9 * float(improvement.max(initial=0.0))) or 1e-300
        scores = np.maximum(improvement, floor) * self._models.feasibility.of(inputs.x)
        return np.asarray(scores / self._models.training_time.of([point.work for point in points]))

    def _refine(self, scores: Array) -> Point:
        """Return the best point of a local search from the best candidates.

        Among points whose score is nearly the best, the farthest from all observations wins: it reveals errors of the
        model soonest.
        """
        order = np.argsort(-scores, kind="stable")[: DEFAULTS.max_nearly_best]
        seen = [(float(scores[row]), self._candidates[int(row)]) for row in order]
        best = seen[0][0]
        starts = [point for _, point in seen[: DEFAULTS.refine_starts]]
        observed = {one.point.key for one in self._observations}
        for _ in range(self._local_search.rounds):
            near = [
                self._source.neighbour(start, self._rng)
                for start in starts
                for _ in range(self._local_search.neighbours)
            ]
            new = [point for point in near if point is not None and point.key not in observed]
            found = self._scores(new) if new else np.zeros(0)
            seen += zip(found.tolist(), new, strict=True)
            if not new or found.max() <= best:
                break
            best = float(found.max())
            starts = [new[int(np.argmax(found))]]
        return self._farthest([point for score, point in seen if score >= DEFAULTS.nearly_best * best])

    def _farthest(self, points: Sequence[Point]) -> Point:
        """Return the point with the largest distance to its nearest observation; of equal ones the first."""
        distances = squared_distances(self._source.rows(points), self._x)
        return points[int(np.argmax(distances.min(axis=1, initial=np.inf)))]
