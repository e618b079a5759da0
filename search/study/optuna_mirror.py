"""The mirror of a study in Optuna's tables, for dashboards; it shares the ledger's database file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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
from results.storage.locking import LockWait
from results.storage.objectives import Objectives
from results.storage.records import TrialRecord
from results.storage.study_files import DATABASE, sqlite_url
from search.samplers.quiet import quiet_optuna
from space.domains import Domain, FloatRange, IntRange

TRIAL = "trial"
"""The user attribute of an Optuna trial that holds the trial's number in the ledger."""


class OptunaMirror:
    """Optuna's study in the database in ``folder``; it is created if missing.

    The study maximises validation accuracy and minimises the costs. Users may add trials, from a dashboard or
    by hand. The mirror does not change these trials. Optuna's trial numbers then differ from the ledger's.

    Args:
        folder: The study's folder.
        name: The name of the study.
        costs: The costs to minimise.
        hyperparameters: The hyperparameters of the space and their domains.
        wait: The waiting policy for the database lock; None for the default of the driver.

    Raises:
        InvalidInputError: From every method: the database is damaged or in use.
        StorageFullError: From every method that writes: the disk is full.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        costs: tuple[str, ...],
        hyperparameters: Mapping[str, Domain],
        wait: LockWait | None = None,
    ) -> None:
        self._folder = folder
        self._objectives = Objectives.named(costs)
        self._domains = hyperparameters
        self._numbers: dict[int, int] = {}
        with self._explained(), quiet_optuna():
            self._storage = optuna.storages.RDBStorage(
                sqlite_url(folder), engine_kwargs={"connect_args": wait.connect_args() if wait else {}}
            )
        try:
            with self._explained(), quiet_optuna():
                self._study = optuna.create_study(
                    storage=self._storage,
                    study_name=name,
                    directions=[StudyDirection.MAXIMIZE, *(StudyDirection.MINIMIZE for _ in costs)],
                    load_if_exists=True,
                )
                headings = [cost.heading for cost in self._objectives.costs]
                self._study.set_metric_names(["validation accuracy", *headings])
                self._id = self._storage.get_study_id_from_name(name)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the database connections."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def bring_up_to(self, records: Mapping[int, TrialRecord]) -> None:
        """Add the missing trials and the missing results of ended trials."""
        known = self._of(records)
        self._numbers = {number: trial.number for number, trial in known.items()}
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
        with self._explained():
            trials = self._study.get_trials(deepcopy=False)
        for trial in trials:
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
        with self._explained():  # Study.add_trial does not return the number
            trial_id = self._storage.create_new_trial(self._id, template_trial=trial)
            self._numbers[record.number] = self._storage.get_trial_number_from_id(trial_id)

    def tell(self, record: TrialRecord) -> None:
        """Record the result and the state of an ended trial."""
        number = self._numbers[record.number]
        with self._explained(), quiet_optuna():
            costs = self._objectives.values(record)
            if record.val_accuracy is None or any(map(math.isnan, costs)):
                state = TrialState.PRUNED if record.state == "stopped" else TrialState.FAIL
                self._study.tell(number, state=state, skip_if_finished=True)
            else:
                self._study.tell(number, [record.val_accuracy, *costs], skip_if_finished=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Convert errors of Optuna's storage to errors of the ledger."""
        try:
            yield
        except (
            SQLAlchemyError,
            optuna.exceptions.StorageInternalError,
            LookupError,  # unknown states and names
            json.JSONDecodeError,
        ) as error:
            cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
            raise explain_database_error(cause or error, str(self._folder / DATABASE)) from error


def _distribution(domain: Domain) -> BaseDistribution:
    """Convert a domain to Optuna's distribution of its original values, for dashboards."""
    if isinstance(domain, FloatRange):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, IntRange):
        return IntDistribution(domain.low, domain.largest, log=domain.log, step=domain.step)
    return CategoricalDistribution(tuple(domain.values()))
