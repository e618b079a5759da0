"""A study replayed from its own ledger: given the same events in the same order, is the same decided?"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from results.ledger import Happening, Ledger
from results.records import EpochReport, TrialRecord
from results.study import open_study, sqlite_url, study_name
from search.driver import Clock, Driver
from search.folder import StudyFolder
from search.jobs import Epoch, Event, Failed, Finished, Job, Measured, Paused
from search.progress import Silent
from search.proposers import make_proposer
from search.run import largest_batch
from search.schedulers import make_scheduler, rungs_of
from search.trials import Trials
from search.warm_start import read_earlier
from space.errors import InvalidInputError
from space.search_space import SearchSpace

DECISIONS = frozenset({"start", "promote", "stop"})
"""Kinds of events that a driver decides on; the others happen to it."""


@dataclass(frozen=True)
class StudyReplay:
    """What a replay of a study came to: how many decisions were the same, and the first that was not."""

    num_same: int
    difference: str | None = None


def replay_study(folder: str | Path) -> StudyReplay:
    """Decide anew on what a study has tried, gone on with and stopped, and compare.

    Workers only hand out what they are recorded to have done, in the order in which the driver took note of
    it. Nothing is trained, and nothing written.

    Raises:
        InvalidInputError: there is no study, or it was interrupted: epochs that were trained again are
            recorded at their second time only.
    """
    study = open_study(folder)
    ledger = Ledger(sqlite_url(study.folder), study_name(study.folder))
    try:
        kinds = [event["kind"] for event in ledger.events()]
        timeline, reports = ledger.timeline(), ledger.reports()
    finally:
        ledger.close()
    if kinds.count("begin") != 1 or not {"lose", "restart", "interrupt"}.isdisjoint(kinds):
        raise InvalidInputError(
            f"{folder} cannot be replayed: it was interrupted or gone on with, or lost a worker; "
            "a study is replayed that was searched in one go"
        )
    config = StudyFolder(study.folder).recorded_config()
    data = study.header.data
    space = SearchSpace(
        config.space,
        in_channels=data["in_channels"],
        num_classes=len(data["classes"]),
        image_size=data["image_size"],
        batch_size=largest_batch(config),
    )
    trials = Trials(replace(study.header, exhausted=False), space)
    earlier = read_earlier(study.folder)
    proposer = make_proposer(
        config.search.sampler, space, config.search.seed, rungs_of(config), earlier, config.search.costs
    )
    references = trials.missing_references(config.references)
    scheduler = make_scheduler(config, trials, proposer, references)
    recorded = {record.number: record for record in (*study.records, *study.references)}
    executor = _Recorded(timeline, recorded, reports)
    clock = Clock(0.0, executor.now)
    try:
        Driver(config, trials, proposer, scheduler, executor, Silent(), clock).run()
    except _OtherwiseError as error:
        return StudyReplay(executor.num_same, str(error))
    for number, record in recorded.items():
        replayed = trials.records.get(number)
        if replayed is None or replayed.state != record.state:
            now = "does not exist" if replayed is None else f"is {replayed.state}"
            return StudyReplay(executor.num_same, f"trial {number} was {record.state}, but {now}")
    return StudyReplay(executor.num_same + sum(one.kind == "stop" for one in timeline))


class _OtherwiseError(Exception):
    """The replay has decided on something else than what is recorded."""


class _Recorded:
    """An executor that has a free slot when the driver is recorded to have decided on something.

    Between decisions it hands out what happened. ``num_same`` counts the jobs that were as recorded.
    """

    def __init__(
        self,
        timeline: list[Happening],
        records: dict[int, TrialRecord],
        reports: dict[int, list[EpochReport]],
    ) -> None:
        self._timeline = timeline
        self._records = records
        self._reports = reports
        self._next = 0
        self._now = 0.0
        self.num_same = 0

    def now(self) -> float:
        """Return the time on the study's clock, in seconds."""
        return self._now

    def free_slots(self) -> int:
        """Return 1 where something was decided, and at the end."""
        if self._next < len(self._timeline):
            coming = self._timeline[self._next]
            if coming.kind not in DECISIONS:
                return 0
            self._now = coming.clock_s
        return 1

    def submit(self, job: Job) -> None:
        """Compare a job with the one that is recorded."""
        if self._next == len(self._timeline):
            raise _OtherwiseError(f"nothing was trained any more, but now trial {job.trial} is")
        coming = self._timeline[self._next]
        record = self._records[coming.trial]
        if coming.kind == "stop" or coming.trial != job.trial:
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
        while self._next < len(self._timeline) and self._timeline[self._next].kind not in DECISIONS:
            happening = self._timeline[self._next]
            self._now = happening.clock_s
            found.append(self._event(happening))
            self._next += 1
        if not found:
            coming = self._timeline[self._next]
            raise _OtherwiseError(
                f"trial {coming.trial} was to {_VERBS[coming.kind]}, but now nothing is decided"
            )
        return found

    def _event(self, happening: Happening) -> Event:
        trial, record = happening.trial, self._records[happening.trial]
        if happening.kind == "report":
            assert happening.epoch is not None
            return Epoch(trial, asdict(self._reports[trial][happening.epoch - 1]))
        if happening.kind == "measure":
            return Measured(trial, {"latency_ms": record.measured["latency_ms"]})
        if happening.kind == "pause":
            return Paused(trial, record.train_s)
        if happening.kind == "finish":
            return Finished(trial, record.train_s, dict(record.measured or {}))
        return Failed(trial, record.reason or "")

    def close(self) -> None:
        """Nothing is under way."""


_VERBS = {"start": "begin", "promote": "go on", "stop": "be stopped"}
