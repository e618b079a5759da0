"""A study's folder, read: its trials, front, hypervolume and status, without torch or a running search."""

from __future__ import annotations

import operator
import os
import tomllib
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex
from urllib.parse import quote

from results.budgets import what_is_spent
from results.front import accuracy, complete_trials, front_hypervolume, pareto_front, why_no_front
from results.intervals import equal_places
from results.picks import PICKS, RECOMMENDED, knee, pick, recommended
from results.storage.driver_lock import is_locked
from results.storage.ledger import Ledger
from results.storage.locking import is_read_only_wal
from results.storage.records import POINT_COLUMNS, StudyHeader, TrialRecord, point_columns
from space.core.atomic_files import user_path
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport
from space.core.system_errors import explain_system_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from results.export.folder import ExportResult

DATABASE = "study.db"
CONFIG = "study.toml"
REPORT = "report.html"


def sqlite_url(folder: Path, mode: str = "rw", file: str = DATABASE) -> str:
    """Return the URL of the folder's database; with ``mode`` rw it must exist, with rwc it is made.

    With ``mode`` immutable, it is read without any lock.
    """
    from sqlalchemy import URL

    path = quote(os.fsencode((folder / file).absolute()))
    url = URL.create("sqlite", database=f"file:{path}", query=_query(mode))
    return url.render_as_string()


def _query(mode: str) -> dict[str, str]:
    if mode == "immutable":
        return {"mode": "ro", "immutable": "1", "uri": "true"}
    return {"mode": mode, "uri": "true"}


def study_name(folder: Path) -> str:
    """Return the name under which the folder's configuration knows the study.

    Raises:
        InvalidInputError: the configuration is missing or damaged.
    """
    path = folder / CONFIG
    try:
        name = tomllib.loads(path.read_text(encoding="utf-8-sig"))["name"]
    except OSError as error:
        raise InvalidInputError(
            f"cannot read {path}: {explain_system_error(error)}, or restore it from a copy"
        ) from None
    except (ValueError, KeyError, RecursionError) as error:
        raise InvalidInputError(f"{path} is damaged ({error}); restore it from a copy") from None
    return str(name)


def open_study(folder: str | Path) -> StudyResults:
    """Open a study for reading, also while its search runs.

    Args:
        folder: The study's folder.

    Returns:
        The results at this moment. Open the study again for later results.

    Raises:
        InvalidInputError: The folder is missing, holds no study, or the study is damaged.

    Example:
        >>> mgnas.open_study("runs/digits").front()
    """
    folder = user_path(folder, "the study's folder")
    if folder.is_file():
        named = f"; did you mean its folder, {folder.parent}?" if (folder.parent / DATABASE).is_file() else ""
        raise InvalidInputError(f"{folder} is a file, but a study is a folder{named}")
    if not folder.is_dir():
        raise InvalidInputError(
            f"there is no folder {folder}; 'mgnas search --dir {folder}' would make a study there"
        )
    if not (folder / DATABASE).is_file():
        raise InvalidInputError(f"{folder} is not a study's folder: it has no {DATABASE}")
    with _ledger(folder) as ledger:
        return StudyResults(folder, ledger.header(), ledger.trials(), ledger.clock_s())


@contextmanager
def _ledger(folder: Path) -> Iterator[Ledger]:
    mode = "immutable" if is_read_only_wal(folder / DATABASE) else "rw"
    ledger = Ledger(sqlite_url(folder, mode), study=study_name(folder))
    try:
        yield ledger
    finally:
        ledger.close()


class StudyResults:
    """The results of a study at the moment of ``open_study``.

    Epochs (``reports``, ``curves``) are read on first use.

    Attributes:
        folder: The study's folder.
        header: Configuration, costs and ranges of the study.
        records: The trials of the search.
        references: The trainings of the study's references. They are not on the front.
        searched_s: Search time in seconds, without pauses.
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

    @property
    def name(self) -> str:
        """The study's name: that of its folder."""
        return self.folder.resolve().name

    @cached_property
    def reports(self) -> dict[int, list[EpochReport]]:
        """Every epoch recorded by now of every trial in ``records`` that has any, by trial number.

        Raises:
            InvalidInputError: the study is no longer in its folder, or it is damaged.
        """
        if not (self.folder / DATABASE).is_file():
            raise InvalidInputError(
                f"{self.folder} no longer holds the study that was opened there; open it where it is now"
            )
        known = {record.number for record in (*self.records, *self.references)}
        with _ledger(self.folder) as ledger:
            return {number: epochs for number, epochs in ledger.reports().items() if number in known}

    @cached_property
    def front_records(self) -> list[TrialRecord]:
        """The Pareto front, in ascending order of the first cost."""
        return pareto_front(self.records, self.header.costs)

    @cached_property
    def hypervolume(self) -> float:
        """Fraction of the objective box that the front dominates, from 0 to 1."""
        return front_hypervolume(self.records, self.header.ranges)

    @property
    def num_finished(self) -> int:
        """Number of finished trials, with or without a result."""
        return sum(record.has_ended for record in self.records)

    @property
    def complete(self) -> bool:
        """Whether the budget is spent and the references are trained."""
        return self.spent is not None and not self.untrained(self.header.config.get("references", ()))

    @property
    def spent(self) -> str | None:
        """The budget that ended the study, in words; None if the search can continue."""
        return what_is_spent(self.header, self.records, self.searched_s)

    @property
    def why_no_front(self) -> str:
        """Why the front is empty, if it is, in words."""
        return why_no_front(self.records)

    @property
    def num_epochs(self) -> int:
        """Epochs of all trials of the search."""
        return sum(record.epochs for record in self.records)

    def untrained(self, names: Iterable[str]) -> list[str]:
        """Return the references among ``names`` that no trial has trained to its end."""
        ended = {record.reference for record in self.references if record.has_ended}
        return [name for name in names if name not in ended]

    def front(self) -> pd.DataFrame:
        """Return the front as a DataFrame: one row for each network, columns as in ``front.csv``."""
        import pandas as pd

        front = self.front_records
        rows = [trial.point(self.header.costs) for trial in front]
        return pd.DataFrame(rows, columns=point_columns(self.header.costs, front))

    def trials(self) -> pd.DataFrame:
        """Return all trials as a DataFrame.

        Columns: state, times in seconds, ``on_front``, ``reference`` (the name of a paper's network, or None),
        measured values with units in their names, and one column for each hyperparameter.
        """
        import pandas as pd

        on_front = {record.number for record in self.front_records}
        rows = [
            record.point()
            | {
                "reference": record.reference,
                "state": record.state,
                "on_front": record.number in on_front,
                "reason": record.reason,
                "started_s": record.started_s,
                "finished_s": record.finished_s,
                "train_s": record.train_s,
            }
            | record.measured
            | {
                f"hyperparameter_{hyperparameter}": value
                for hyperparameter, value in record.hyperparameters.items()
            }
            for record in sorted((*self.records, *self.references), key=lambda record: record.number)
        ]
        facts = ["reference", "state", "on_front", "reason", "started_s", "finished_s", "train_s"]
        columns = [*POINT_COLUMNS, *facts]
        frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
        for text in ("reference", "reason"):  # pandas would have NaN for None
            frame[text] = pd.Series([row[text] for row in rows], dtype=object)
        return frame

    def curves(self) -> pd.DataFrame:
        """Return every epoch of every trial: trial, epoch, train_loss, val_loss, val_accuracy, seconds."""
        import pandas as pd

        columns = ["trial", "epoch", "train_loss", "val_loss", "val_accuracy", "seconds"]
        rows = [
            {"trial": trial} | vars(report) for trial, reports in self.reports.items() for report in reports
        ]
        return pd.DataFrame(rows, columns=columns)

    def status(self) -> dict[str, Any]:
        """Return how far the study is: counts of trials and epochs, and whether it is complete.

        Of trials that are compared at rungs, those ``paused`` may go on and those ``stopped`` early count
        as finished. Trials left behind by a driver that is gone are ``interrupted``, not ``running``.

        ``silent`` lists the running trials whose workers hang. Of a search that runs, also its
        ``running_trials`` with their epochs, ``epochs_per_min``, ``left_s`` and ``over_hours_s``; see
        ``results.study_status.running_facts``.
        """
        from results.study_status import counts, running_facts

        records = [*self.records, *self.references]
        driver_alive = is_locked(self.folder)
        facts = counts(self.header, records, self.reports, driver_alive=driver_alive)
        facts["complete"] = self.complete
        facts["silent"] = self._silent_trials() if driver_alive else []
        if driver_alive:
            with _ledger(self.folder) as ledger:
                facts |= running_facts(self.header, records, self.reports, ledger)
        return facts

    def _silent_trials(self) -> list[int]:
        """Return the running trials whose workers hang, as the driver noted it."""
        running = {one.number for one in (*self.records, *self.references) if one.state == "running"}
        silent: set[int] = set()
        with _ledger(self.folder) as ledger:
            for one in ledger.timeline():
                if one.kind == "silent":
                    silent.add((one.detail or {})["number"])
                elif one.kind in ("recovered", "begin"):
                    silent -= {(one.detail or {})["number"]} if one.kind == "recovered" else silent
                elif one.trial is not None:
                    silent.discard(one.trial)  # it went on, ended or was lost
        return sorted(silent & running)

    def summary(self) -> dict[str, Any]:
        """Return the document that ``mgnas front --json`` prints."""
        summary = {
            "study": self.name,
            "complete": self.complete,
            "trials": self.num_finished,
            "hypervolume": self.hypervolume,
            "front": [
                record.point(self.header.costs) | {"equal_to": self.equal_to[record.number]}
                for record in self.front_records
            ],
        }
        if self.header.cost_ranges:
            summary["costs"] = list(self.header.costs)
        if self.references:
            trained = complete_trials(self.references)
            summary["references"] = [
                {"reference": trial.reference} | trial.point(self.header.costs) for trial in trained
            ]
        return summary

    def trial(self, number: int) -> TrialRecord:
        """Return one trial by its number.

        Raises:
            InvalidInputError: The study has no such trial.
        """
        for record in (*self.records, *self.references):
            if record.number == number:
                return record
        raise InvalidInputError(
            f"{self.folder} has no trial {number}; 'mgnas front {self.folder}' lists those on the front"
        )

    def pick(self, how: str = RECOMMENDED, max_params: int | None = None) -> TrialRecord:
        """Return one trial of the front.

        Args:
            how: ``within-1se``, ``best``, ``knee``, ``smallest``, ``accuracy>=0.97`` or ``within=1pt``.
            max_params: Restricts the pick to networks of this size.

        Raises:
            InvalidInputError: ``how`` is unknown, or no network matches.

        Example:
            >>> study.pick("accuracy>=0.97", max_params=20_000)
        """
        if not self.front_records:
            raise InvalidInputError(f"{self.folder}: {self.why_no_front}, so there is nothing to pick from")
        return pick(self.front_records, how, max_params, self.header.costs, self.header.sampling)

    @cached_property
    def recommended(self) -> TrialRecord | None:
        """The smallest network within one standard error of the best; None while there is no front."""
        front = self.front_records
        return recommended(front, self.header.costs, self.header.sampling) if front else None

    @cached_property
    def knee(self) -> TrialRecord | None:
        """The knee of the front; None where it has none."""
        return knee(self.front_records, self.header.costs, self.header.sampling)

    @cached_property
    def equal_to(self) -> dict[int, list[int]]:
        """For each network of the front, by trial number: the others whose accuracy is equal to its own.

        Accuracies are equal where they differ by at most one standard error, and at least one image.
        """
        front = self.front_records
        places = equal_places([accuracy(trial) for trial in front], self.header.sampling)
        return {
            trial.number: [front[place].number for place in equal]
            for trial, equal in zip(front, places, strict=True)
        }

    def export(
        self,
        which: SupportsIndex | str = RECOMMENDED,
        to: str | Path | None = None,
        formats: Sequence[str] | None = None,
        *,
        max_params: int | None = None,
    ) -> ExportResult:
        """Export one trained network.

        Args:
            which: The number of a trial, or a pick: ``within-1se``, ``best``, ``knee``, ``smallest``,
                ``accuracy>=0.97`` or ``within=1pt``.
            to: The folder to write. Default: exports/trial-N in the study's folder.
            formats: Out of ``spec``, ``safetensors``, ``onnx`` and ``pt2``. Default: the first three.
            max_params: Restricts a pick to networks of this size.

        Returns:
            The files that were written.

        Raises:
            InvalidInputError: No network matches, its weights are missing, or the folder holds other files.
        """
        from results.export.folder import export_trial

        record = self._chosen(which, max_params)
        own = self.folder / "exports" / f"trial-{record.number}"
        folder = own if to is None else user_path(to, "the folder to export to")
        return export_trial(self, record, folder, formats)

    def _chosen(self, which: SupportsIndex | str, max_params: int | None) -> TrialRecord:
        if isinstance(which, str):
            return self.pick(which, max_params)
        try:
            number = operator.index(which)
        except TypeError:
            raise InvalidInputError(
                f"which must be a trial's number, or one of {PICKS}, but got {which!r}"
            ) from None
        if max_params is not None:
            raise InvalidInputError(
                f"max_params goes with one of {PICKS}, not with a trial's number ({number})"
            )
        return self.trial(number)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, one HTML file that works offline.

        Args:
            path: The file. Default: report.html in the study's folder.

        Returns:
            The path of the file.

        Raises:
            InvalidInputError: ``path`` is a folder, or a file that is not a report of mgnas.
        """
        from results.report.page import write_report

        return write_report(self, self.folder / REPORT if path is None else user_path(path, "the report"))

    def picture(self, path: str | Path) -> Path:
        """Write the front and all complete trials as an SVG picture.

        Args:
            path: The file; missing folders are created.

        Returns:
            The path of the file.
        """
        from results.plots.front_svg import write_front_svg

        return write_front_svg(self, Path(path))
