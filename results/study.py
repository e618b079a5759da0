"""The reader of a study: its trials, front, hypervolume and status, without torch or a running search."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.budgets import what_is_spent
from results.frames import curves_frame, front_frame, trials_frame
from results.front import accuracy, complete_trials, front_hypervolume, pareto_front, why_no_front
from results.intervals import equal_places
from results.picks import knee, recommended
from results.storage.driver_lock import is_locked
from results.storage.location import holds_study
from results.storage.objectives import Objectives
from results.storage.reading import reading_ledger
from results.storage.records import StudyHeader, TrialRecord
from results.study_status import Now, counts, running_facts, silent_trials
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from results.certification.certification import Certification
    from results.effects import Effects


class StudyReader:
    """The recorded trials of a study at the moment when it was opened.

    Open the study again to see later trials. The epochs (``reports``, ``curves``, ``status``) are read at
    their first use and then kept.

    Attributes:
        folder: The study's folder.
        header: The study's configuration, data and budgets.
        records: The trials of the search, by ascending number.
        references: The trials of reference networks. They are on no front and in no count except that of
            all epochs.
        searched_s: Seconds of search on the study's clock, without pauses.
    """

    def __init__(
        self,
        folder: Path,
        header: StudyHeader,
        records: list[TrialRecord],
        searched_s: float,
    ) -> None:
        self.folder = folder
        self.header = header
        self.records = [record for record in records if record.reference is None]
        self.references = [record for record in records if record.reference is not None]
        self.searched_s = searched_s

    def __repr__(self) -> str:
        state = "complete" if self.complete else f"{self.num_finished} of {self.header.trials} trials"
        return f"<study {self.folder}: {state}, {len(self.front_records)} networks on the front>"

    @cached_property
    def objectives(self) -> Objectives:
        """The costs that the study minimises, with their reference ranges."""
        return Objectives.of(self.header)

    @property
    def name(self) -> str:
        """The name of the study's folder."""
        return self.folder.resolve().name

    @property
    def all_records(self) -> list[TrialRecord]:
        """All trials, references included, by ascending number."""
        return sorted((*self.records, *self.references), key=lambda record: record.number)

    @cached_property
    def reports(self) -> dict[int, list[EpochReport]]:
        """The recorded epochs of each trial, by trial number; trials without an epoch are missing.

        Raises:
            InvalidInputError: The study is no longer in its folder, or it is damaged.
        """
        if not holds_study(self.folder):
            raise InvalidInputError(
                f"{self.folder} no longer holds the study that was opened there; open it where it is now"
            )
        known = {record.number for record in self.all_records}
        with reading_ledger(self.folder) as ledger:
            return {number: epochs for number, epochs in ledger.reports().items() if number in known}

    @cached_property
    def epoch_ends(self) -> dict[int, list[float]]:
        """The end of each epoch in seconds on the study's clock, by trial number."""
        with reading_ledger(self.folder) as ledger:
            return ledger.epoch_ends()

    @cached_property
    def effects(self) -> Effects:
        """The effect of each hyperparameter on validation accuracy at equal size, the strongest first."""
        from results.effects import hyperparameter_effects

        return hyperparameter_effects(self.records)

    @cached_property
    def front_records(self) -> list[TrialRecord]:
        """The Pareto front, by ascending first cost (by default parameters)."""
        return pareto_front(self.records, self.objectives)

    @cached_property
    def hypervolume(self) -> float:
        """The share of the box of error and log costs that the front dominates, from 0 to 1."""
        return front_hypervolume(self.records, self.objectives)

    @property
    def num_finished(self) -> int:
        """The number of trials that ended, with or without a result; paused trials have not ended."""
        return sum(record.has_ended for record in self.records)

    @property
    def complete(self) -> bool:
        """Whether a budget or the space is exhausted and all references are trained."""
        return self.spent is not None and not self.untrained(self.header.config.get("references", ()))

    @property
    def spent(self) -> str | None:
        """The budget that ended the study, as text; None while the study can continue."""
        return what_is_spent(self.header, self.records, self.searched_s)

    @property
    def why_no_front(self) -> str:
        """Why the front is empty, as text."""
        return why_no_front(self.records)

    @property
    def num_epochs(self) -> int:
        """The number of epochs of all trials of the search."""
        return sum(record.epochs for record in self.records)

    def untrained(self, names: Iterable[str]) -> list[str]:
        """Return the references among ``names`` whose training has not ended."""
        ended = {record.reference for record in self.references if record.has_ended}
        return [name for name in names if name not in ended]

    def front(self) -> pd.DataFrame:
        """Return the Pareto front: one row for each network, by ascending first cost.

        The reference of [DataFrames](dataframes.md) lists the columns with their dtypes: ``trial``, ``arch``,
        ``notation``, ``params``, ``macs``, ``val_accuracy``, ``epochs``, ``seed``, each further cost of the study
        and ``train.KEY`` for each searched hyperparameter of the recipe. ``front.csv`` has the same columns.

        Example:
            >>> study.front()[["notation", "params", "val_accuracy"]]
        """
        return front_frame(self.front_records, self.objectives)

    def trials(self) -> pd.DataFrame:
        """Return all trials, references included: one row for each, by ascending number.

        The reference of [DataFrames](dataframes.md) lists the columns with their dtypes: those of ``front``, the
        state with its times, all measured costs, and ``hyperparameter_NAME`` for each searched hyperparameter.

        Example:
            >>> trials = study.trials()
            >>> trials[trials["state"] == "failed"][["trial", "reason"]]
        """
        return trials_frame(self.all_records, {record.number for record in self.front_records})

    def curves(self) -> pd.DataFrame:
        """Return the learning curves: one row for each epoch of each trial.

        The reference of [DataFrames](dataframes.md) lists the columns with their dtypes.

        Example:
            >>> study.curves().pivot(index="epoch", columns="trial", values="val_accuracy")
        """
        return curves_frame(self.reports)

    def status(self) -> dict[str, Any]:
        """Return the progress of the study.

        Returns:
            The counts ``trials`` (the budget), ``finished``, ``running``, ``interrupted``, ``paused``,
            ``stopped``, ``failed`` and ``epochs``; ``complete`` and ``is_running`` (bool); ``silent``, the numbers
            of running trials whose workers do not answer; ``front_size``, its number of networks;
            ``best_accuracy`` (0 to 1, None without a result); ``hypervolume`` (0 to 1). ``finished`` includes
            failed and stopped trials. Trials of a driver that died are ``interrupted``. While a search runs,
            also its trainings, rates, rungs and predicted end: see ``results.study_status.running_facts``.
        """
        records = self.all_records
        driver_alive = is_locked(self.folder)
        facts = counts(self.header, records, self.reports, driver_alive=driver_alive)
        facts |= {
            "complete": self.complete,
            "is_running": driver_alive,
            "silent": [],
            "front_size": len(self.front_records),
            "best_accuracy": max(map(accuracy, self.front_records), default=None),
            "hypervolume": self.hypervolume,
        }
        if driver_alive:
            with reading_ledger(self.folder) as ledger:
                timeline, now = ledger.timeline(), Now.of(self.folder, ledger)
            facts["silent"] = silent_trials(records, timeline)
            facts |= running_facts(self.header, records, self.reports, timeline, now)
        return facts

    def summary(self) -> dict[str, Any]:
        """Return the document that ``mgnas front --json`` prints."""
        costs = self.objectives.columns
        summary = {
            "study": self.name,
            "complete": self.complete,
            "trials": self.num_finished,
            "hypervolume": self.hypervolume,
            "metric": "int8_accuracy" if self.header.is_int8 else "float_accuracy",
            "front": [
                record.point(costs) | {"equal_to": self.equal_to[record.number]}
                for record in self.front_records
            ],
        }
        if self.header.cost_ranges:
            summary["costs"] = list(self.objectives.names)
        if self.references:
            summary["references"] = [
                {"reference": trial.reference} | trial.point(costs)
                for trial in complete_trials(self.references)
            ]
        return summary

    def trial(self, number: int) -> TrialRecord:
        """Return the trial with this number.

        Raises:
            InvalidInputError: The study has no such trial.
        """
        for record in self.all_records:
            if record.number == number:
                return record
        raise InvalidInputError(
            f"{self.folder} has no trial {number}; 'mgnas front {self.folder}' lists those on the front"
        )

    @cached_property
    def certification(self) -> Certification | None:
        """The certified figures of the study; None before ``mgnas certify``."""
        from results.certification.read import read_certification

        return read_certification(self.folder, self.header, self.records)

    @cached_property
    def recommended(self) -> TrialRecord | None:
        """The smallest network within one standard error of the best; None without a front."""
        front = self.front_records
        return recommended(front, self.objectives, self.header.sampling) if front else None

    @cached_property
    def knee(self) -> TrialRecord | None:
        """The knee of the front; None where it has none."""
        return knee(self.front_records, self.objectives, self.header.sampling)

    @cached_property
    def equal_to(self) -> dict[int, list[int]]:
        """For each trial of the front: the numbers of the others with an equal accuracy.

        Accuracies are equal if they differ by at most one standard error, and at least one image.
        """
        front = self.front_records
        places = equal_places([accuracy(trial) for trial in front], self.header.sampling)
        return {
            trial.number: [front[place].number for place in equal]
            for trial, equal in zip(front, places, strict=True)
        }
