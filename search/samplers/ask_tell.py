"""Ask and tell for every sampler of a search."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

from results.storage.records import TrialRecord
from search.frontier.initial_design import van_der_corput
from search.samplers.base import AskedSampler, Proposal
from search.samplers.memory_study import MemoryStudy
from search.samplers.observations import Observations, identity
from search.schedulers.base import ContinuationPolicy
from search.study.seeds import derive_seed
from space.core.reports import EpochReport
from space.domains import Point
from space.search_space import SearchSpace

RANDOM_DRAWS, RANDOM_SHRUNK = 1_000, 200
"""Random points tried, and random points shrunk to the limits, before the whole space is enumerated."""
MAX_ENUMERATED = 100_000
"""Points enumerated in vain until the space counts as exhausted: about ten seconds."""
INITIAL_DRAWS, INITIAL_SHRUNK = 256, 32
"""Random points of which the nearest to the wanted size is taken, and how many of them may be shrunk."""


class StudyAskTell:
    """Asks a sampler for networks that the study has not tried, within the limits.

    A trial begins with ``ask`` and ends with ``tell`` on an Optuna study in memory (``MemoryStudy``). Rejected
    proposals leave no trace in the ledger. The object is told of every trial in the order of their numbers, and of
    references, which are not trials of that study.
    """

    def __init__(
        self, space: SearchSpace, seed: int, sampler: AskedSampler, observations: Observations
    ) -> None:
        self.space = space
        self.seed = seed
        self.sampler = sampler
        self.observations = observations
        self._study = MemoryStudy(space, observations, extrapolates=sampler.learns_from_study)
        self._seen: set[str] = set()
        self._remaining = space.feasible_points(patience=MAX_ENUMERATED)

    @property
    def policy(self) -> ContinuationPolicy | None:
        """What decides which paused training to resume, if the sampler can tell."""
        return self.sampler.policy

    def restore(self, record: TrialRecord, reports: Sequence[EpochReport] = ()) -> None:
        """Add a trial of an earlier run with its epochs so far."""
        self.observations.restore(record, reports)
        if record.reference is None:
            self._seen.add(identity(record.arch, record.training))
            self._study.restore(record.number, record.sampler_attrs)

    def report(self, record: TrialRecord, report: EpochReport) -> None:
        """Add an epoch of a trial."""
        self.observations.report(record, report)

    def tell(self, record: TrialRecord) -> None:
        """Update a trial that has ended, was paused or resumed, or was measured."""
        self.observations.tell(record)
        if record.reference is None:
            self._study.tell(record.number, record.state)

    def ask(self, number: int) -> Proposal | None:
        """Return a network for trial ``number``; None if the space is exhausted."""
        proposal = self._choose(number)
        if proposal is None:
            point = self._random_point(number)
            proposal = None if point is None else self._adopt(number, point)
        if proposal is not None:
            self._seen.add(identity(proposal.spec.arch, proposal.training))
            self._study.begin(number, proposal.sampler_attrs)
            self.observations.begin(number, proposal.hyperparameters)
        return proposal

    def _choose(self, number: int) -> Proposal | None:
        """Return the choice of the initial design or the sampler; None if neither finds a new network."""
        self._study.rebuild()
        if len(self.observations.trials) < self.sampler.num_initial:
            point = self._initial_point(number)
            if point is not None:
                return self._adopt(number, point)
        return self._ask_sampler(number)

    def _ask_sampler(self, number: int) -> Proposal | None:
        """Ask until a proposal is new and within the limits; else shrink the first one beyond the limits."""
        beyond: Point | None = None
        for attempt in range(self.sampler.max_asks):
            point, attrs = self._study.ask(number, self.sampler.make(number, attempt))
            if self._is_new(point):
                return self._proposal(point, attrs)
            if beyond is None and not self.space.is_feasible(point):
                beyond = point
            self._study.reject(number)
        if beyond is None:
            return None
        smaller = self.space.shrunk(beyond, random.Random(derive_seed(self.seed, number, "shrunk")))
        return self._adopt(number, smaller) if smaller is not None and self._is_new(smaller) else None

    def _adopt(self, number: int, point: Point) -> Proposal:
        """Return a proposal of a point that the sampler did not choose."""
        return self._proposal(*self._study.adopt(number, self.sampler.make_for_adopted(number), point))

    def _proposal(self, hyperparameters: Point, sampler_attrs: dict[str, Any]) -> Proposal:
        return Proposal(
            self.space.spec(hyperparameters),
            hyperparameters,
            self.space.training(hyperparameters),
            sampler_attrs,
        )

    def _is_new(self, point: Point) -> bool:
        """Return whether a point is within the limits, and its network was not trained this way before."""
        spec = self.space.feasible_spec(point)
        return spec is not None and identity(spec.arch, self.space.training(point)) not in self._seen

    # -- points that the sampler does not choose ---------------------------------------------------------

    def _initial_point(self, number: int) -> Point | None:
        """Return the random network whose size is nearest to a place of the van der Corput sequence.

        The sequence covers the scale of log(parameters) evenly. The first network is the smallest of the space.
        """
        low, high = (math.log(bound) for bound in self.space.params_range())
        target = low + (high - low) * van_der_corput(len(self.observations.trials))
        rng = random.Random(derive_seed(self.seed, number, "startup"))
        points = [self.space.smallest_point(), *(self.space.sample(rng) for _ in range(INITIAL_DRAWS))]
        new = [point for point in points if self._is_new(point)]
        for point in itertools.islice(points, max(0, INITIAL_SHRUNK - len(new))):
            smaller = self.space.shrunk(point, rng)
            if smaller is not None and smaller != point and self._is_new(smaller):
                new.append(smaller)
        return min(new, key=lambda point: abs(math.log(self._params(point)) - target)) if new else None

    def _params(self, point: Point) -> int:
        return self.space.counts(self.space.spec(point)).params

    def _random_point(self, number: int) -> Point | None:
        """Return a random new network, else the next one of the enumeration; None if there is none."""
        rng = random.Random(derive_seed(self.seed, number, "random"))
        remaining = itertools.islice(self._remaining, MAX_ENUMERATED)
        points = itertools.chain(self._random_points(rng), remaining)
        return next((point for point in points if self._is_new(point)), None)

    def _random_points(self, rng: random.Random) -> Iterator[Point]:
        for _ in range(RANDOM_DRAWS):
            yield self.space.sample(rng)
        for _ in range(RANDOM_SHRUNK if self.space.has_limits else 0):
            smaller = self.space.shrunk(self.space.sample(rng), rng)
            if smaller is not None:
                yield smaller
