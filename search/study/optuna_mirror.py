"""The mirror of a study in Optuna's tables, for dashboards; it shares the ledger's database."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from results.storage.errors import explain_database_error
from results.storage.lease import Lease
from results.storage.location import Location
from results.storage.locking import connect_args
from results.storage.objectives import Objectives
from results.storage.postgresql import (
    away,
    engine_options,
    explain_postgresql_error,
    is_away,
    lock_tables,
    make_engine,
)
from results.storage.records import TrialRecord
from results.storage.waiting import Wait
from search.samplers.quiet import quiet_optuna
from space.domains import Domain, FloatRange, IntRange

Result = TypeVar("Result")
TRIAL = "trial"
"""The user attribute of an Optuna trial that holds the trial's number in the ledger."""


class OptunaMirror:
    """Optuna's study in the database of the ledger; it is created if missing.

    The study maximises validation accuracy and minimises the costs. Users may add trials, from a dashboard or
    by hand. The mirror does not change these trials. Optuna's trial numbers then differ from the ledger's.

    Args:
        location: Where the ledger is.
        costs: The costs to minimise.
        hyperparameters: The hyperparameters of the space and their domains.
        wait: How to wait for locks of SQLite, and for a server that is away.
        lease: The lease of this driver on a study in PostgreSQL.

    Raises:
        InvalidInputError: From every method: the database is damaged or in use.
        StorageFullError: From every method that writes: the disk is full.
        LeaseLostError: From every method that writes: another driver has taken over the study.
    """

    def __init__(
        self,
        location: Location,
        costs: tuple[str, ...],
        hyperparameters: Mapping[str, Domain],
        wait: Wait,
        lease: Lease | None = None,
    ) -> None:
        self._location = location
        self._objectives = Objectives.named(costs)
        self._domains = hyperparameters
        self._wait = wait
        self._lease = lease
        self._ids: dict[int, int] = {}
        with quiet_optuna():
            self._storage = self._patiently(lambda: optuna_storage(location, wait))
        try:
            with quiet_optuna():
                self._study = self._patiently(self._load_or_create)
                self._id = self._patiently(lambda: self._storage.get_study_id_from_name(location.study))
        except BaseException:
            self.close()
            raise

    def _load_or_create(self) -> optuna.Study:
        costs = self._objectives.costs
        study = optuna.create_study(
            storage=self._storage,
            study_name=self._location.study,
            directions=[StudyDirection.MAXIMIZE, *(StudyDirection.MINIMIZE for _ in costs)],
            load_if_exists=True,
        )
        study.set_metric_names(["validation accuracy", *(cost.heading for cost in costs)])
        return study

    def close(self) -> None:
        """Close the database connections."""
        close_storage(self._storage)

    def bring_up_to(self, records: Mapping[int, TrialRecord]) -> None:
        """Add the missing trials and the missing results of ended trials."""
        known = self._of(records)
        self._ids = {number: trial._trial_id for number, trial in known.items()}
        for record in records.values():
            if record.number not in known:
                self.add(record)
            elif known[record.number].state.is_finished():
                continue
            if record.has_ended:
                self.tell(record)

    def _of(self, records: Mapping[int, TrialRecord]) -> dict[int, FrozenTrial]:
        """Return Optuna's trials by their numbers in the ledger."""
        found: dict[int, FrozenTrial] = {}
        for trial in self._patiently(lambda: self._study.get_trials(deepcopy=False)):
            number = trial.user_attrs.get(TRIAL)
            record = records.get(number) if isinstance(number, int) else None
            if record is not None and trial.user_attrs.get("arch") == record.arch:
                found.setdefault(record.number, trial)  # further ones are copies
        return found

    def add(self, record: TrialRecord) -> None:
        """Add a trial in the state RUNNING."""
        distributions: dict[str, BaseDistribution] = {
            hyperparameter: _distribution(domain)
            for hyperparameter, domain in self._domains.items()
            if hyperparameter in record.hyperparameters
        }
        facts = {
            TRIAL: record.number,
            "arch": record.arch,
            "notation": record.notation,
            "macs": record.macs,
            "seed": record.seed,
        }
        if record.reference is not None:
            facts["reference"] = record.reference
        trial = create_trial(
            state=TrialState.RUNNING,
            params=record.hyperparameters,
            distributions=distributions,
            user_attrs=facts,
            system_attrs=record.sampler_attrs,
        )
        is_first = True

        def attempt() -> int:
            nonlocal is_first
            if not is_first and (found := self._of({record.number: record})):
                return found[record.number]._trial_id  # the lost connection has committed it
            is_first = False
            return self._storage.create_new_trial(self._id, template_trial=trial)

        self._ids[record.number] = self._patiently(attempt, writes=True)

    def tell(self, record: TrialRecord) -> None:
        """Record the result and the state of an ended trial."""
        trial_id = self._ids[record.number]
        costs = self._objectives.values(record)
        values: list[float] | None = None
        state = TrialState.PRUNED if record.state == "stopped" else TrialState.FAIL
        if record.val_accuracy is not None and not any(map(math.isnan, costs)):
            values, state = [record.val_accuracy, *costs], TrialState.COMPLETE

        def attempt() -> None:
            # finished by a user, or before a lost connection
            with suppress(optuna.exceptions.UpdateFinishedTrialError):
                self._storage.set_trial_state_values(trial_id, state, values)

        self._patiently(attempt, writes=True)

    def _patiently(self, attempt: Callable[[], Result], *, writes: bool = False) -> Result:
        """Return what ``attempt`` returns, while the server is away later; errors are those of the ledger."""

        def checked() -> Result:
            if writes and self._lease is not None:
                self._lease.check()
            return attempt()

        try:
            if self._location.server_url is None:
                return checked()
            return self._wait.run(checked, away(self._location.place)._replace(is_temporary=_is_away))
        except (
            SQLAlchemyError,
            optuna.exceptions.StorageInternalError,
            LookupError,  # unknown states and names
            json.JSONDecodeError,
        ) as error:
            cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
            explain = explain_postgresql_error if self._location.server_url else explain_database_error
            raise explain(cause or error, self._location.place) from error


def _is_away(error: Exception) -> bool:
    return is_away(error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error)


def optuna_storage(
    location: Location, wait: Wait | None = None, *, is_read_only: bool = False
) -> optuna.storages.RDBStorage:
    """Return Optuna's storage in the database of a ledger; its tables are created if missing.

    Args:
        location: Where the ledger is.
        wait: How to wait for locks of SQLite.
        is_read_only: Whether the tables exist and PostgreSQL refuses changes.
    """
    if location.server_url is None:
        return optuna.storages.RDBStorage(
            location.url, engine_kwargs={"connect_args": connect_args(wait) if wait else {}}
        )
    options = engine_options(location.url, is_read_only=is_read_only)
    if is_read_only:
        return optuna.storages.RDBStorage(
            location.url, engine_kwargs=options | {"pool_pre_ping": True}, skip_table_creation=True
        )
    engine = make_engine(location.url)
    try:
        with engine.begin() as connection:
            lock_tables(connection)
            return optuna.storages.RDBStorage(location.url, engine_kwargs=options)
    finally:
        engine.dispose()


def close_storage(storage: optuna.storages.RDBStorage) -> None:
    """Close the database connections of Optuna's storage."""
    storage.remove_session()
    storage.engine.dispose()


def _distribution(domain: Domain) -> BaseDistribution:
    """Convert a domain to Optuna's distribution of its original values, for dashboards."""
    if isinstance(domain, FloatRange):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, IntRange):
        return IntDistribution(domain.low, domain.largest, log=domain.log, step=domain.step)
    return CategoricalDistribution(tuple(domain.values()))
