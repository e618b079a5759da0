"""Proposals of the frontier engine: it learns from every epoch of every trial, and counts costs exactly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from results.records import EpochReport, TrialRecord
from search.frontier.engine import Engine, Tried
from search.frontier.network_points import NetworkPoints
from search.proposer import Proposal, Proposer, identity
from space.counts import Counts
from space.search_space import SearchSpace


class FrontierProposer(Proposer):
    """Proposals of the frontier engine, for error against parameters."""

    def __init__(self, space: SearchSpace, seed: int, rungs: Sequence[int] = ()) -> None:
        super().__init__(space, seed)
        self._engine = Engine(seed, rungs=rungs)
        self._points = NetworkPoints(space, identity, _costs)
        self._tried: dict[int, Tried] = {}

    def _remember(
        self, record: TrialRecord, sampler_attrs: dict[str, Any], curve: Sequence[EpochReport]
    ) -> None:
        self._add(record.number, record.knobs)
        for report in curve:
            self._note(record.number, report)
        self._tell(record)

    def _begin(self, number: int, proposal: Proposal) -> None:
        self._add(number, proposal.knobs)

    def _add(self, number: int, knobs: dict[str, Any]) -> None:
        point = self._points.point(knobs)
        assert point is not None, knobs
        self._tried[number] = Tried(point, costs=point.costs)

    def _note(self, number: int, report: EpochReport) -> None:
        self._tried[number].errors[report.epoch] = 1.0 - report.val_accuracy

    def _tell(self, record: TrialRecord) -> None:
        tried = self._tried[record.number]
        tried.state = record.state
        if record.val_accuracy is not None and not tried.errors:
            tried.errors[record.max_epochs] = 1.0 - record.val_accuracy

    def best_to_continue(self, paused: Collection[int], *, may_start: bool) -> int | None:
        """Return which of the paused trials to go on with, or None.

        None means that a new network promises more or, where none ``may_start``, that nothing is worth it.
        """
        numbers = sorted(self._tried)
        tried = [self._tried[number] for number in numbers]
        places = [place for place, number in enumerate(numbers) if number in paused]
        place = self._engine.best_to_continue(self._points, tried, places, len(tried), may_start=may_start)
        return None if place is None else numbers[place]

    def _choose(self, number: int) -> Proposal | None:
        tried = [self._tried[known] for known in sorted(self._tried)]
        point = self._engine.choose(self._points, tried, number)
        return None if point is None else self._proposal(self._points.knobs(point), {})


def _costs(counts: Counts) -> tuple[float, ...]:
    return (float(counts.params),)
