"""Proposals of the frontier engine: it learns from every epoch of every trial, and counts costs exactly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from results.records import EpochReport, TrialRecord
from search.costs import counted_costs, known_costs
from search.frontier.engine import Decision, Engine
from search.frontier.models.transferred_prior import EarlierStudy
from search.frontier.observation import Tried, is_sound
from search.samplers.base import Proposal, Proposer, identity
from search.samplers.network_points import NetworkPoints
from space.reading import load_spec
from space.search_space import SearchSpace


class FrontierProposer(Proposer):
    """Proposals of the frontier engine, for error against ``costs``.

    What is measured of a network counts from when it is known; before, it is guessed from other networks.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        rungs: Sequence[int] = (),
        earlier: EarlierStudy | None = None,
        costs: Sequence[str] = ("params",),
    ) -> None:
        super().__init__(space, seed)
        self._costs = tuple(costs)
        self._engine = Engine(seed, rungs=rungs)
        self._epochs = rungs[-1] if rungs else 1
        self._points = NetworkPoints(space, identity, counted_costs(costs, space), earlier)
        self._tried: dict[int, Tried] = {}
        self._references: dict[int, Tried | None] = {}
        self._decision: tuple[bool, Decision] | None = None

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
        self._tried[number] = Tried(point, costs=point.costs, epochs=self._epochs)
        self._decision = None

    def _note(self, number: int, report: EpochReport) -> None:
        _add_epoch(self._tried[number], report)
        self._decision = None

    def _tell(self, record: TrialRecord) -> None:
        self._update(self._tried[record.number], record)

    def _update(self, tried: Tried, record: TrialRecord) -> None:
        tried.state = record.state
        tried.costs = known_costs(self._costs, record)
        self._decision = None
        if record.val_accuracy is not None and not tried.errors:
            tried.errors[record.max_epochs] = 1.0 - record.val_accuracy

    def _learn_from_reference(self, record: TrialRecord, reports: Sequence[EpochReport]) -> None:
        if record.number not in self._references:
            self._references[record.number] = self._located(record)
        reference = self._references[record.number]
        if reference is not None:
            for report in reports:
                _add_epoch(reference, report)
            self._update(reference, record)

    def _located(self, record: TrialRecord) -> Tried | None:
        """Return a reference as a point of the space; None if it is none."""
        point = self._points.located(load_spec(record.spec), record.training)
        return None if point is None else Tried(point, costs=point.costs, epochs=self._epochs)

    def best_to_continue(self, paused: Collection[int], *, may_start: bool) -> int | None:
        """Return which of the paused trials to go on with, or None.

        None means that a new network promises more or, where none ``may_start``, that nothing is worth it.
        """
        numbers = sorted(self._tried)
        places = [place for place, number in enumerate(numbers) if number in paused]
        place = self._decide(may_start=may_start).best_to_continue(places)
        return None if place is None else numbers[place]

    def _choose(self, number: int) -> Proposal | None:
        point = self._decide(may_start=True).best
        return None if point is None else self._proposal(self._points.knobs(point), {})

    def _decide(self, *, may_start: bool) -> Decision:
        """Return the decision by what is known now: one for all that is asked before anything happens."""
        if self._decision is None or self._decision[0] != may_start:
            tried = [self._tried[number] for number in sorted(self._tried)]
            references = [one for _, one in sorted(self._references.items()) if one is not None]
            decision = self._engine.decide(
                self._points, tried, len(tried), may_start=may_start, references=references
            )
            self._decision = may_start, decision
        return self._decision[1]


def _add_epoch(tried: Tried, report: EpochReport) -> None:
    """Take in an epoch; of one that is trained again, nothing came after."""
    for curve in (tried.errors, tried.losses):
        for epoch in [epoch for epoch in curve if epoch >= report.epoch]:
            del curve[epoch]
    tried.errors[report.epoch] = 1.0 - report.val_accuracy
    if is_sound(report.train_loss):
        tried.losses[report.epoch] = report.train_loss
