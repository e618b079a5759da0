"""The trials of the ledger as observations of the frontier engine."""

from __future__ import annotations

import json
from collections.abc import Sequence

from results.storage.objectives import Objectives
from results.storage.records import TrialRecord
from search.frontier.observation import Observation, is_usable_number
from search.samplers.network_points import NetworkPoints
from space.core.reports import EpochReport
from space.domains import Value
from space.networks.load import load_spec
from space.search_space import Point


class Observations:
    """The observations of one study: its trials and its references.

    Attributes:
        points: The search space.
        trials: Observations by trial number.
        hyperparameters: Points of the search space by trial number.
        epochs: Epochs of a complete training.
        version: Grows with every change.
    """

    def __init__(self, points: NetworkPoints, costs: Sequence[str], epochs: int) -> None:
        self.points = points
        self.epochs = epochs
        self.trials: dict[int, Observation] = {}
        self.hyperparameters: dict[int, Point] = {}
        self.version = 0
        self._objectives = Objectives.named(tuple(costs))
        self._references: dict[int, Observation | None] = {}

    @property
    def num_costs(self) -> int:
        """The number of objectives besides the error."""
        return len(self._objectives.costs)

    @property
    def references(self) -> list[Observation]:
        """The references that are points of the space, in the order of their trials."""
        return [one for _, one in sorted(self._references.items()) if one is not None]

    def begin(self, number: int, hyperparameters: Point) -> None:
        """Add a running trial."""
        point = self.points.point(hyperparameters)
        assert point is not None, hyperparameters
        self.trials[number] = Observation(point, costs=point.costs, epochs=self.epochs)
        self.hyperparameters[number] = hyperparameters
        self.version += 1

    def restore(self, record: TrialRecord, reports: Sequence[EpochReport]) -> None:
        """Add a trial, or a reference, with its epochs so far."""
        if record.reference is None:
            self.begin(record.number, record.hyperparameters)
        for report in reports:
            self.report(record, report)
        self.tell(record)

    def report(self, record: TrialRecord, report: EpochReport) -> None:
        """Add an epoch; a repeated epoch replaces it and all later ones."""
        observation = self._of(record)
        if observation is None:
            return
        for curve in (observation.errors, observation.losses):
            for epoch in [epoch for epoch in curve if epoch >= report.epoch]:
                del curve[epoch]
        observation.errors[report.epoch] = 1.0 - report.val_accuracy
        if is_usable_number(report.train_loss):
            observation.losses[report.epoch] = report.train_loss
        self.version += 1

    def tell(self, record: TrialRecord) -> None:
        """Update the state and the measured costs of a trial."""
        observation = self._of(record)
        if observation is None:
            return
        observation.state = record.state
        observation.costs = self._objectives.values(record)
        if record.val_accuracy is not None:  # int8 accuracy is no epoch's
            observation.errors[record.max_epochs] = 1.0 - record.val_accuracy
        self.version += 1

    def _of(self, record: TrialRecord) -> Observation | None:
        """Return the observation of a record; None for a reference outside the space."""
        if record.reference is None:
            return self.trials[record.number]
        if record.number not in self._references:
            point = self.points.located(load_spec(record.spec), record.training)
            found = None if point is None else Observation(point, costs=point.costs, epochs=self.epochs)
            self._references[record.number] = found
        return self._references[record.number]


def identity(arch: str, training: dict[str, Value]) -> str:
    """Return the identity of a trial: the network, and the keys of the recipe that the search sets."""
    return f"{arch} {json.dumps(training, sort_keys=True)}" if training else arch
