"""What to try next: networks that are new and within the limits. What all proposers have in common."""

from __future__ import annotations

import itertools
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from results.records import EpochReport, TrialRecord
from search.seeds import derive_seed
from space.domains import Value
from space.search_space import Point, SearchSpace
from space.spec import Spec

RANDOM_DRAWS = 1_000
RANDOM_SHRUNK = 200
"""Before the whole space is gone through, from its smallest networks on."""
MOST_WALKED = 100_000
"""Points looked at in vain before a space counts as exhausted: some ten seconds."""


@dataclass(frozen=True)
class Proposal:
    """A network to train, the point of the space it came from, and what the sampler notes about it.

    ``training`` holds the keys of the study's ``[train]`` section that the point sets.
    """

    spec: Spec
    knobs: Point
    training: dict[str, Value]
    sampler_attrs: dict[str, Any]


class Proposer(ABC):
    """Proposes networks that the study has not tried. It is told of every trial, in the order of their
    numbers, and of references, which are not among those: a reference may be proposed.
    """

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self.space = space
        self.seed = seed
        self._seen: set[str] = set()
        self._rest = space.feasible_points(patience=MOST_WALKED)

    def remember(
        self, record: TrialRecord, sampler_attrs: dict[str, Any], curve: Sequence[EpochReport] = ()
    ) -> None:
        """Take in a trial of an earlier run, with its epochs so far."""
        if record.reference is None:
            self._seen.add(identity(record.arch, record.training))
            self._remember(record, sampler_attrs, curve)
        else:
            self._learn_from_reference(record, curve)

    def note(self, record: TrialRecord, report: EpochReport) -> None:
        """Take in one more epoch of a trial."""
        if record.reference is None:
            self._note(record.number, report)
        else:
            self._learn_from_reference(record, [report])

    def tell(self, record: TrialRecord) -> None:
        """Take in that a trial has ended, stands at a rung, or goes on from there."""
        if record.reference is None:
            self._tell(record)
        else:
            self._learn_from_reference(record, ())

    def propose(self, number: int) -> Proposal | None:
        """Return a network for trial ``number``, or None if the space holds no further one."""
        proposal = self._choose(number)
        if proposal is None:
            point = self._search(number)
            proposal = None if point is None else self._adopt(number, point)
        if proposal is not None:
            self._seen.add(identity(proposal.spec.arch, proposal.training))
            self._begin(number, proposal)
        return proposal

    # -- what a proposer is made of ----------------------------------------------------------------------

    @abstractmethod
    def _choose(self, number: int) -> Proposal | None:
        """Return the sampler's choice, or None if it has none that is new and within the limits."""

    @abstractmethod
    def _begin(self, number: int, proposal: Proposal) -> None:
        """Take note that a proposal is carried out as trial ``number``."""

    @abstractmethod
    def _remember(
        self, record: TrialRecord, sampler_attrs: dict[str, Any], curve: Sequence[EpochReport]
    ) -> None:
        """Take in a trial of an earlier run."""

    @abstractmethod
    def _note(self, number: int, report: EpochReport) -> None:
        """Take in one more epoch of a trial."""

    @abstractmethod
    def _tell(self, record: TrialRecord) -> None:
        """Take in a trial's new state."""

    @abstractmethod
    def _learn_from_reference(self, record: TrialRecord, reports: Sequence[EpochReport]) -> None:
        """Take in a reference's new state, and further epochs of it."""

    def _adopt(self, number: int, point: Point) -> Proposal:
        """Return a proposal of a point that the sampler did not choose."""
        return self._proposal(point, {})

    def _proposal(self, knobs: Point, sampler_attrs: dict[str, Any]) -> Proposal:
        return Proposal(self.space.spec(knobs), knobs, self.space.training(knobs), sampler_attrs)

    def _is_new(self, point: Point) -> bool:
        """Whether a point is within the limits and its network, trained in its way, was not tried before."""
        spec = self.space.feasible_spec(point)
        return spec is not None and identity(spec.arch, self.space.training(point)) not in self._seen

    def _params(self, point: Point) -> int:
        return self.space.counts(self.space.spec(point)).params

    def _search(self, number: int) -> Point | None:
        """Return a new network by chance, else the next of all within the limits; None if there is none."""
        rng = random.Random(derive_seed(self.seed, number, "random"))
        walked = itertools.islice(self._rest, MOST_WALKED)
        for point in itertools.chain(self._random_points(rng), walked):
            if self._is_new(point):
                return point
        return None

    def _random_points(self, rng: random.Random) -> Iterator[Point]:
        """Yield points as they are drawn, then some that are made to fit the limits."""
        for _ in range(RANDOM_DRAWS):
            yield self.space.sample(rng)
        for _ in range(RANDOM_SHRUNK if self.space.has_limits else 0):
            smaller = self.space.shrunk(self.space.sample(rng), rng)
            if smaller is not None:
                yield smaller


def identity(arch: str, training: dict[str, Value]) -> str:
    """Return what a trial tries: a network, and what is special in its training."""
    return f"{arch} {json.dumps(training, sort_keys=True)}" if training else arch
