"""What a driver writes down: the ledger first, then Optuna's study, which dashboards read.

After a crash the ledger is right, and Optuna's study is brought up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from results.front import pareto_front
from results.ledger import Ledger, explain_database_error
from results.records import EpochReport, StudyHeader, TrialRecord
from results.study import DATABASE, sqlite_url
from search.proposer import Proposal
from search.quiet import quiet_optuna
from space.domains import Domain, FloatRange, IntRange
from space.references import read_reference
from space.search_space import SearchSpace
from space.spec import Spec


class Cost(NamedTuple):
    """What a training took: its wall time, and what was measured besides (``TrialRecord.measured``)."""

    train_s: float
    measured: dict[str, float | None]


class StudyStore:
    """The trials of a study, in memory and on disk; every change goes through here.

    Raises:
        InvalidInputError: the database is damaged, or belongs to something else.
        StorageFullError: from any method that writes, when the disk is full.
    """

    def __init__(
        self, folder: Path, ledger: Ledger, space: SearchSpace, storage: optuna.storages.RDBStorage
    ) -> None:
        self.folder = folder
        self.ledger = ledger
        self.header = ledger.header()
        self.records = {record.number: record for record in ledger.trials()}
        reports = ledger.reports() if self.interrupted else {}
        self.last_reports = {trial: reports[trial][-1] for trial in self.interrupted if trial in reports}
        self._space = space
        self._domains = space.knobs()
        self._storage = storage
        with _optuna_errors(folder):
            self._study = optuna.load_study(study_name=ledger.study, storage=storage)

    @classmethod
    def create(cls, folder: Path, header: StudyHeader, space: SearchSpace) -> StudyStore:
        """Make a study's database in ``folder``."""
        part = f".{DATABASE}.part"
        (folder / part).unlink(missing_ok=True)
        Ledger.create(sqlite_url(folder, "rwc", part), header).close()
        (folder / part).rename(folder / DATABASE)  # there is never a database without a header
        return cls.open(folder, header.name, space)

    @classmethod
    def open(cls, folder: Path, name: str, space: SearchSpace) -> StudyStore:
        """Open the database in ``folder``, and bring Optuna's study up to the ledger."""
        ledger = Ledger(sqlite_url(folder), name)
        try:
            ledger.check()
            ledger.header()
            ledger.upgrade()
            store = cls(folder, ledger, space, _optuna_storage(folder, name))
        except BaseException:
            ledger.close()
            raise
        store._reconcile()
        return store

    def close(self) -> None:
        """Give back the database connections, the ledger's and Optuna's."""
        self.ledger.close()
        self._storage.remove_session()
        self._storage.engine.dispose()

    @property
    def searched(self) -> list[TrialRecord]:
        """The trials of the search itself: all but the references."""
        return [record for record in self.records.values() if record.reference is None]

    @property
    def num_ended(self) -> int:
        """Trials of the search that have a result or failed for good."""
        return sum(record.state != "running" for record in self.searched)

    @property
    def interrupted(self) -> dict[int, int]:
        """Trials that were running when an earlier driver stopped, with the workers lost on each."""
        return {r.number: r.losses for r in self.records.values() if r.state == "running"}

    def sampler_attrs(self) -> dict[int, dict[str, Any]]:
        """Return what the sampler has noted about each trial."""
        return {trial.number: trial.system_attrs for trial in self._study.get_trials(deepcopy=False)}

    def write_header(self, header: StudyHeader) -> None:
        """Replace the study's header."""
        self.ledger.write_header(header)
        self.header = header

    def missing_references(self, names: Iterable[str]) -> list[str]:
        """Return the references that no trial has trained or is training."""
        known = {record.reference for record in self.records.values()}
        return [name for name in names if name not in known]

    def start(self, proposal: Proposal, seed: int, max_epochs: int, clock_s: float) -> TrialRecord:
        """Record a new trial as running and return it."""
        record = self._new_record(proposal.spec, seed, max_epochs, clock_s)
        record = replace(record, knobs=proposal.knobs, training=proposal.training)
        return self._start(record, proposal.sampler_attrs)

    def start_reference(self, name: str, seed: int, max_epochs: int, clock_s: float) -> TrialRecord:
        """Record a new trial that trains a reference on the study's images, and return it.

        Keys of the recipe that the space fixes hold for references too; those it searches do not.
        """
        spec = read_reference(name).spec(
            in_channels=self._space.in_channels, num_classes=self._space.num_classes
        )
        record = self._new_record(spec.canonical(), seed, max_epochs, clock_s)
        return self._start(replace(record, reference=name, training=self._space.fixed_training()), {})

    def _new_record(self, spec: Spec, seed: int, max_epochs: int, clock_s: float) -> TrialRecord:
        counts = self._space.counts(spec)
        return TrialRecord(
            number=len(self.records),
            arch=spec.arch,
            notation=spec.notation,
            spec=spec.to_dict(),
            knobs={},
            params=counts.params,
            macs=counts.macs,
            seed=seed,
            max_epochs=max_epochs,
            started_s=clock_s,
        )

    def _start(self, record: TrialRecord, sampler_attrs: dict[str, Any]) -> TrialRecord:
        self.ledger.write_trial(record, event="start", clock_s=record.started_s)
        self.records[record.number] = record
        self._add_to_optuna(record, sampler_attrs)
        return record

    def report(self, trial: int, report: EpochReport, clock_s: float) -> None:
        """Record one epoch of a running trial."""
        self.ledger.write_report(trial, report, clock_s=clock_s)
        self.last_reports[trial] = report
        self.records[trial] = replace(self.records[trial], epochs=report.epoch)

    def restart(self, trial: int, clock_s: float) -> TrialRecord:
        """Record that a trial's training is taken up again, and return the trial."""
        record = replace(self.records[trial], attempts=self.records[trial].attempts + 1)
        self._write(record, "restart", clock_s)
        return record

    def lose(self, trial: int, reason: str, clock_s: float) -> None:
        """Record that a trial's worker died."""
        record = replace(self.records[trial], losses=self.records[trial].losses + 1)
        self._write(record, "lose", clock_s, reason=reason)

    def finish(self, trial: int, accuracy: float, cost: Cost, weights: str, clock_s: float) -> TrialRecord:
        """Record a trial's result and return the trial."""
        record = replace(
            self.records[trial],
            state="complete",
            val_accuracy=accuracy,
            train_s=cost.train_s,
            measured=cost.measured,
            weights=weights,
            finished_s=clock_s,
        )
        self._write(record, "finish", clock_s)
        self._tell_optuna(record)
        return record

    def fail(self, trial: int, reason: str, clock_s: float) -> TrialRecord:
        """Record that a trial ended without a result, and return the trial."""
        record = replace(self.records[trial], state="failed", reason=reason, finished_s=clock_s)
        self._write(record, "fail", clock_s, reason=reason)
        self._tell_optuna(record)
        return record

    def drop_dominated_weights(self) -> None:
        """Delete the weights of every complete trial that is not on the front; references keep theirs."""
        on_front = {record.number for record in pareto_front(self.searched)}
        dropped = [r for r in self.searched if r.weights is not None and r.number not in on_front]
        if not dropped:
            return
        self.ledger.forget_weights([record.number for record in dropped])
        for record in dropped:
            assert record.weights is not None
            (self.folder / record.weights).unlink(missing_ok=True)
            self.records[record.number] = replace(record, weights=None)

    def _write(self, record: TrialRecord, event: str, clock_s: float, **detail: Any) -> None:
        self.ledger.write_trial(record, event=event, clock_s=clock_s, **detail)
        self.records[record.number] = record

    # -- Optuna's study --------------------------------------------------------------------------------

    def _reconcile(self) -> None:
        """Bring Optuna's study up to the ledger: trials it does not know yet, ends it was not told."""
        known = {trial.number: trial for trial in self._study.get_trials(deepcopy=False)}
        for record in self.records.values():
            if record.number not in known:
                self._add_to_optuna(record, {})
            elif known[record.number].state.is_finished():
                continue
            if record.state != "running":
                self._tell_optuna(record)

    def _add_to_optuna(self, record: TrialRecord, sampler_attrs: dict[str, Any]) -> None:
        distributions: dict[str, BaseDistribution] = {
            knob: _distribution(domain) for knob, domain in self._domains.items() if knob in record.knobs
        }
        facts = {"arch": record.arch, "notation": record.notation, "macs": record.macs, "seed": record.seed}
        if record.reference is not None:
            facts["reference"] = record.reference
        trial = create_trial(
            state=TrialState.RUNNING,
            params=record.knobs,
            distributions=distributions,
            user_attrs=facts,
            system_attrs=sampler_attrs,
        )
        with _optuna_errors(self.folder):
            self._study.add_trial(trial)

    def _tell_optuna(self, record: TrialRecord) -> None:
        with _optuna_errors(self.folder):
            if record.val_accuracy is None:
                self._study.tell(record.number, state=TrialState.FAIL, skip_if_finished=True)
            else:
                self._study.tell(record.number, [record.val_accuracy, record.params], skip_if_finished=True)


def _distribution(domain: Domain) -> BaseDistribution:
    """The domain as people know it, for dashboards."""
    if isinstance(domain, FloatRange):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, IntRange):
        return IntDistribution(domain.low, domain.largest, log=domain.log, step=domain.step)
    return CategoricalDistribution(tuple(domain.values()))


def _optuna_storage(folder: Path, name: str) -> optuna.storages.RDBStorage:
    with _optuna_errors(folder), quiet_optuna():
        storage = optuna.storages.RDBStorage(sqlite_url(folder))
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=["maximize", "minimize"],
            load_if_exists=True,
        )
        study.set_metric_names(["validation accuracy", "parameters"])
    return storage


@contextmanager
def _optuna_errors(folder: Path) -> Iterator[None]:
    """Turn errors of Optuna's storage into those of the ledger, which lies in the same file."""
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, KeyError) as error:
        cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
        raise explain_database_error(cause or error, str(folder / DATABASE)) from error
