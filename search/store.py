"""What a driver writes down: the ledger first, then Optuna's study, which dashboards read.

After a crash the ledger is right, and Optuna's study is brought up to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from results.costs import COSTS
from results.database_errors import explain_database_error
from results.front import pareto_front
from results.ledger import Ledger
from results.records import EpochReport, StudyHeader, TrialRecord
from results.study import DATABASE, sqlite_url
from search.costs import known_costs
from search.quiet import quiet_optuna
from search.trials import Trials, checkpoint_path
from space.domains import Domain, FloatRange, IntRange
from space.search_space import SearchSpace
from trainers.checkpoint import remove_checkpoint


class StudyStore(Trials):
    """The trials of a study, in memory and on disk; every change goes through here.

    Raises:
        InvalidInputError: the database is damaged, or belongs to something else.
        StorageFullError: from any method that writes, when the disk is full.
    """

    def __init__(
        self, folder: Path, ledger: Ledger, space: SearchSpace, storage: optuna.storages.RDBStorage
    ) -> None:
        super().__init__(ledger.header(), space, ledger.trials(), ledger.reports())
        for one in ledger.timeline():
            if one.kind == "lose" and one.trial is not None and not (one.detail or {}).get("counts", True):
                self.kills_for_memory[one.trial] += 1
        self.folder = folder
        self.ledger = ledger
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
            ledger.upgrade()
            costs = ledger.header().costs
            store = cls(folder, ledger, space, _optuna_storage(folder, name, costs))
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

    def sampler_attrs(self) -> dict[int, dict[str, Any]]:
        """Return what the sampler has noted about each trial."""
        return {trial.number: trial.system_attrs for trial in self._study.get_trials(deepcopy=False)}

    def write_header(self, header: StudyHeader) -> None:
        """Replace the study's header."""
        self.ledger.write_header(header)
        self.header = header

    def _begin(self, record: TrialRecord, sampler_attrs: dict[str, Any]) -> None:
        self.ledger.write_trial(record, event="start", clock_s=record.started_s)
        super()._begin(record, sampler_attrs)
        self._add_to_optuna(record, sampler_attrs)

    def report(self, trial: int, report: EpochReport, clock_s: float) -> None:
        """Record one epoch of a running trial."""
        self.ledger.write_report(trial, report, clock_s=clock_s)
        super().report(trial, report, clock_s)

    def _change(self, record: TrialRecord, event: str, clock_s: float, **detail: Any) -> TrialRecord:
        self.ledger.write_trial(record, event=event, clock_s=clock_s, **detail)
        super()._change(record, event, clock_s)
        if record.has_ended:
            self._tell_optuna(record)
        return record

    def drop_dominated_weights(self) -> None:
        """Delete the weights of every complete trial that is not on the front; references keep theirs."""
        on_front = {record.number for record in pareto_front(self.searched, self.header.costs)}
        dropped = [r for r in self.searched if r.weights is not None and r.number not in on_front]
        if not dropped:
            return
        self.ledger.forget_weights([record.number for record in dropped])
        for record in dropped:
            assert record.weights is not None
            (self.folder / record.weights).unlink(missing_ok=True)
            self.records[record.number] = replace(record, weights=None)

    def drop_checkpoint(self, record: TrialRecord) -> None:
        """Delete what a trial that has ended would have gone on from."""
        remove_checkpoint(self.folder / checkpoint_path(record))

    def place_of(self, file: str) -> str:
        """Return the absolute path of a file of the study."""
        return str((self.folder / file).absolute())

    # -- Optuna's study --------------------------------------------------------------------------------

    def _reconcile(self) -> None:
        """Bring Optuna's study up to the ledger: trials it does not know yet, ends it was not told."""
        known = {trial.number: trial for trial in self._study.get_trials(deepcopy=False)}
        for record in self.records.values():
            if record.number not in known:
                self._add_to_optuna(record, {})
            elif known[record.number].state.is_finished():
                continue
            if record.has_ended:
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
            costs = known_costs(self.header.costs, record)
            if record.val_accuracy is None or any(map(math.isnan, costs)):
                state = TrialState.PRUNED if record.state == "stopped" else TrialState.FAIL
                self._study.tell(record.number, state=state, skip_if_finished=True)
            else:
                values = [record.val_accuracy, *costs]
                self._study.tell(record.number, values, skip_if_finished=True)


def _distribution(domain: Domain) -> BaseDistribution:
    """The domain as people know it, for dashboards."""
    if isinstance(domain, FloatRange):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, IntRange):
        return IntDistribution(domain.low, domain.largest, log=domain.log, step=domain.step)
    return CategoricalDistribution(tuple(domain.values()))


def _optuna_storage(folder: Path, name: str, costs: tuple[str, ...]) -> optuna.storages.RDBStorage:
    with _optuna_errors(folder), quiet_optuna():
        storage = optuna.storages.RDBStorage(sqlite_url(folder))
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=[StudyDirection.MAXIMIZE, *(StudyDirection.MINIMIZE for _ in costs)],
            load_if_exists=True,
        )
        study.set_metric_names(["validation accuracy", *(COSTS[name].heading for name in costs)])
    return storage


@contextmanager
def _optuna_errors(folder: Path) -> Iterator[None]:
    """Turn errors of Optuna's storage into those of the ledger, which lies in the same file."""
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, KeyError) as error:
        cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
        raise explain_database_error(cause or error, str(folder / DATABASE)) from error
