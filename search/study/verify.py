"""A study replayed from its own ledger: given the same events in the same order, is the same decided?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from results.storage.ledger import Happening, Ledger
from results.storage.records import TrialRecord
from results.study import open_study, sqlite_url, study_name
from search.executors.messages import Epoch, Event, Failed, Finished, Job, Lost, Measured, Paused
from search.frontier.models.transferred_prior import EarlierTrial
from search.study.clock import Clock
from search.study.components import compose
from search.study.config import StudyConfig
from search.study.driver import Driver
from search.study.folder import StudyFolder
from search.study.plan_config import PlanConfig
from search.study.progress import Silent
from search.study.trials import Trials
from search.study.warm_start import read_earlier
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport
from trainers.reports import Measurements

DECISIONS = frozenset({"start", "promote", "restart", "stop", "give_up"})
"""Kinds of events that a driver decides on; the others happen to it."""
UNSEEN = frozenset({"stop", "give_up"})
"""Decisions of which no worker hears."""
REPEATABLE = ("frontier", "tpe", "random")
"""Samplers that go on from what the ledger has as if they had not been stopped."""


@dataclass(frozen=True)
class Verification:
    """What a replay of a study came to: how many decisions were the same, and the first that was not."""

    num_same: int
    difference: str | None = None


def verify(folder: str | Path) -> Verification:
    """Decide anew on what a study has tried, gone on with and stopped, and compare.

    Workers only hand out what they are recorded to have done, in the order in which the driver took note of
    it. Where the study was interrupted or gone on with, so is the replay. Nothing is trained, and nothing
    written.

    Raises:
        InvalidInputError: there is no study, a search is at work in it, or its ledger does not have all
            that was decided on.
    """
    study = open_study(folder)
    if StudyFolder(study.folder).is_locked():
        raise InvalidInputError(f"a search is running in {study.folder}; replay it when that has ended")
    ledger = Ledger(sqlite_url(study.folder), study_name(study.folder))
    try:
        timeline, reports = ledger.timeline(), ledger.reports()
    finally:
        ledger.close()
    config = StudyFolder(study.folder).recorded_config(study.header)
    runs = _runs(folder, config, timeline)
    recorded = {record.number: record for record in (*study.records, *study.references)}
    _check_whole(folder, recorded, timeline, reports)
    data = study.header.data
    space = config.search_space(
        in_channels=data["in_channels"], num_classes=len(data["classes"]), image_size=data["image_size"]
    )
    trials = Trials(replace(study.header, exhausted=False), space)
    executor = _Recorded(timeline, recorded, reports, trials)
    for run in runs:
        try:
            with suppress(_InterruptedError):
                _decide_anew(run, trials, executor, read_earlier(study.folder))
        except _OtherwiseError as error:
            return Verification(executor.num_same, str(error))
    for number, record in recorded.items():
        replayed = trials.records.get(number)
        if replayed is None or replayed.state != record.state:
            now = "does not exist" if replayed is None else f"is {replayed.state}"
            return Verification(executor.num_same, f"trial {number} was {record.state}, but {now}")
    return Verification(executor.num_same)


def _decide_anew(
    config: StudyConfig, trials: Trials, executor: _Recorded, earlier: Sequence[EarlierTrial]
) -> None:
    """Let one run of the study decide, from where the last one left it."""
    executor.begin()
    components = compose(config, trials, executor, earlier=earlier)
    Driver(components, Silent(), Clock(executor.now(), executor.now)).run()


def _runs(folder: str | Path, config: StudyConfig, timeline: Sequence[Happening]) -> list[StudyConfig]:
    """Return the configuration of each run of the study: the recorded one, with the budgets of the run.

    Raises:
        InvalidInputError: these are not recorded, or what was decided on is not all there.
    """
    begun = [one.detail or {} for one in timeline if one.kind == "begin"]
    reason = None
    if any(one.kind == "retrain" for one in timeline):
        reason = (
            "a checkpoint was damaged, and epochs were trained again and recorded at their second time only"
        )
    elif len(begun) > 1 and not all("references" in detail for detail in begun):
        reason = "an older version of mgnas went on with it, which did not record what each run was asked for"
    elif len(begun) > 1 and config.search.sampler not in REPEATABLE:
        reason = f"it was gone on with, and {config.search.sampler} then does not decide as if it had not"
    if reason is not None:
        raise InvalidInputError(f"{folder} cannot be replayed: {reason}")
    if len(begun) == 1:
        return [config]
    return [
        config.model_copy(
            update={
                "references": tuple(detail["references"]),
                "plan": PlanConfig(**plan) if (plan := detail.get("plan")) else None,
                "search": config.search.model_copy(
                    update={key: detail[key] for key in ("trials", "hours", "epochs", "patience")}
                ),
            }
        )
        for detail in begun
    ]


def _check_whole(
    folder: str | Path,
    recorded: Mapping[int, TrialRecord],
    timeline: Sequence[Happening],
    reports: Mapping[int, Sequence[EpochReport]],
) -> None:
    """Raise InvalidInputError if trials in the timeline are missing, or epochs of them, or the beginning."""
    lost = sorted({one.trial for one in timeline if one.trial is not None} - recorded.keys())
    lost += [
        number
        for number, record in recorded.items()
        if [report.epoch for report in reports.get(number, ())] != list(range(1, record.epochs + 1))
    ]
    measured = {one.trial for one in timeline if one.kind == "measure" and one.trial is not None}
    lost += sorted(n for n in measured & recorded.keys() if "latency_ms" not in (recorded[n].measured or {}))
    missing = f"trial {lost[0]} or epochs of it are" if lost else "its beginning is"
    if lost or not any(one.kind == "begin" for one in timeline):
        raise InvalidInputError(
            f"{folder} cannot be replayed: its ledger is damaged, {missing} missing; restore it from a copy"
        )


class _InterruptedError(Exception):
    """The run that is replayed was interrupted here."""


class _OtherwiseError(Exception):
    """The replay has decided on something else than what is recorded."""


class _Recorded:
    """An executor that has a free slot when the driver is recorded to have decided on something.

    Between decisions it hands out what happened. ``num_same`` counts the decisions that were as recorded.
    """

    def __init__(
        self,
        timeline: list[Happening],
        records: dict[int, TrialRecord],
        reports: dict[int, list[EpochReport]],
        trials: Trials,
    ) -> None:
        self._timeline = [one for one in timeline if one.trial is not None or one.kind in ("begin", "end")]
        self._records = records
        self._reports = reports
        self._trials = trials
        self._next = 0
        self._now = 0.0
        self._unseen: Happening | None = None
        self.num_same = 0

    def now(self) -> float:
        """Return the time on the study's clock, in seconds."""
        return self._now

    def begin(self) -> None:
        """Go on to where the next run begins."""
        while self._timeline[self._next].kind != "begin":
            self._next += 1
        self._now = self._timeline[self._next].clock_s
        self._next += 1

    def _coming(self) -> Happening | None:
        """Return what is recorded to come next in this run, None at its regular end.

        Raises:
            _InterruptedError: the run was interrupted here.
        """
        coming = self._timeline[self._next] if self._next < len(self._timeline) else None
        if coming is None or coming.kind == "begin":
            raise _InterruptedError
        return None if coming.kind == "end" else coming

    def free_slots(self) -> int:
        """Return 1 where something was decided, and at the end of a run."""
        self._check_unseen()
        coming = self._coming()
        if coming is None:
            return 1
        if coming.kind not in DECISIONS:
            return 0
        self._now = coming.clock_s
        if coming.kind in UNSEEN:
            self._unseen = coming
            self._next += 1
        return 1

    def _check_unseen(self) -> None:
        """Raise _OtherwiseError unless what no worker hears of was decided as recorded."""
        unseen, self._unseen = self._unseen, None
        if unseen is None:
            return
        assert unseen.trial is not None
        if not self._trials.records[unseen.trial].has_ended:
            raise _OtherwiseError(f"trial {unseen.trial} was to {_VERBS[unseen.kind]}, but now it is not")
        self.num_same += 1

    def submit(self, job: Job) -> None:
        """Compare a job with the one that is recorded."""
        self._check_unseen()
        coming = self._coming()
        if coming is None:
            raise _OtherwiseError(f"nothing was trained any more, but now trial {job.trial} is")
        assert coming.trial is not None
        record = self._records[coming.trial]
        if coming.kind in UNSEEN or coming.trial != job.trial:
            raise _OtherwiseError(
                f"trial {coming.trial} was to {_VERBS[coming.kind]}, but now trial {job.trial} is trained"
            )
        if (job.spec, job.seed) != (record.spec, record.seed):
            raise _OtherwiseError(f"trial {job.trial} was {record.notation}, but now it is another network")
        self._next += 1
        self.num_same += 1

    def poll(self, timeout_s: float) -> list[Event]:
        """Return what happened until the next decision; ``timeout_s`` is not waited."""
        found = []
        coming = self._coming()
        while coming is not None and coming.kind not in DECISIONS:
            self._now = coming.clock_s
            found.append(self._event(coming))
            self._next += 1
            # what happened before an interruption is handed out first
            if self._next == len(self._timeline) or self._timeline[self._next].kind == "begin":
                return found
            coming = self._coming()
        if not found:
            if coming is None:
                raise _OtherwiseError("the search was over, but now it waits")
            raise _OtherwiseError(
                f"trial {coming.trial} was to {_VERBS[coming.kind]}, but now nothing is decided"
            )
        return found

    def _event(self, happening: Happening) -> Event:
        trial = happening.trial
        assert trial is not None
        record = self._records[trial]
        if happening.kind == "report":
            assert happening.epoch is not None
            return Epoch(trial, self._reports[trial][happening.epoch - 1])
        if happening.kind == "measure":
            latency_ms = record.measured["latency_ms"]
            assert latency_ms is not None
            return Measured(trial, latency_ms)
        if happening.kind == "lose":
            return Lost(trial, "", is_memory=not (happening.detail or {}).get("counts", True))
        if happening.kind == "pause":
            return Paused(trial, record.train_s)
        if happening.kind == "finish":
            return _finished(record)
        # none counts for "failed in a row": where a run stopped for those, what is recorded of it ends there
        return Failed(trial, record.reason or "", is_over_limit=True)

    def close(self) -> None:
        """Nothing is under way."""


def _finished(record: TrialRecord) -> Finished:
    """Return the end of a training with the recorded costs."""
    known: dict[str, Any] = {one.name: record.measured.get(one.name) for one in fields(Measurements)}
    return Finished(
        record.number, record.train_s, Measurements(**known), class_accuracies=record.class_accuracies
    )


_VERBS = {
    "start": "begin",
    "promote": "go on",
    "restart": "be taken up again",
    "stop": "be stopped",
    "give_up": "be given up",
}
