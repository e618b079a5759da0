"""The interface between a driver and a sampler: ask for a network, tell what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from results.storage.records import TrialRecord
from search.schedulers.base import ContinuationPolicy
from space.core.reports import EpochReport
from space.domains import Point, Value
from space.networks.spec import Spec

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@dataclass(frozen=True)
class Proposal:
    """A network to train.

    Attributes:
        spec: The network.
        hyperparameters: The point of the search space that it comes from.
        training: Keys of the ``[train]`` section that the point sets.
        sampler_attrs: System attributes that the sampler has set on Optuna's trial.
    """

    spec: Spec
    hyperparameters: Point
    training: dict[str, Value]
    sampler_attrs: dict[str, Any]


@dataclass(frozen=True)
class AskedSampler:
    """A sampler of a search, and how it is asked.

    Attributes:
        make: Returns the sampler for (trial number, attempt).
        make_for_adopted: Returns the sampler that completes a trial whose parameters are given, for a trial number.
        num_initial: Trials before the sampler is asked, spread evenly over log(parameters).
        max_asks: Attempts to get a new network within the limits, before a random one is taken.
        learns_from_study: Whether the sampler learns from the values of complete trials alone, as Optuna's own do.
            Unfinished trials then enter the study as complete, with their extrapolated final error.
        policy: Decides which paused training to resume, if the sampler can tell.
    """

    make: Callable[[int, int], BaseSampler]
    make_for_adopted: Callable[[int], BaseSampler]
    num_initial: int = 0
    max_asks: int = 1
    learns_from_study: bool = False
    policy: ContinuationPolicy | None = None


class AskTell(Protocol):
    """What a driver needs of a sampler: a network for each new trial."""

    @property
    def policy(self) -> ContinuationPolicy | None:
        """What decides which paused training to resume, if the sampler can tell."""
        ...

    def restore(self, record: TrialRecord, reports: Sequence[EpochReport] = ()) -> None:
        """Add a trial of an earlier run with its epochs so far."""
        ...

    def report(self, record: TrialRecord, report: EpochReport) -> None:
        """Add an epoch of a trial."""
        ...

    def tell(self, record: TrialRecord) -> None:
        """Update a trial that has ended, was paused or resumed, or was measured."""
        ...

    def ask(self, number: int) -> Proposal | None:
        """Return a network for trial ``number``; None if the space is exhausted."""
        ...
