"""Optuna's samplers as in Optuna: own initial design, no duplicate handling, finished trials only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import optuna
from optuna.trial import TrialState

from results.storage.records import TrialRecord
from search.samplers.base import Proposal
from search.samplers.encoding import suggest
from search.samplers.quiet import quiet_optuna
from space.core.reports import EpochReport
from space.decision_tree import draw_hyperparameters
from space.domains import Domain, Value
from space.search_space import Point, SearchSpace

SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "optuna default": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "optuna tpe multivariate": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
    "optuna nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "optuna gp": lambda seed: optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False),
    "optuna random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}


class RawOptuna:
    """An ``AskTell`` that trains every suggestion of a sampler, including already trained networks."""

    policy = None

    def __init__(self, sampler: str, space: SearchSpace, seed: int) -> None:
        self._space = space
        with quiet_optuna():
            self._study = optuna.create_study(
                directions=["maximize", "minimize"], sampler=SAMPLERS[sampler](seed)
            )
        self._running: dict[int, optuna.Trial] = {}

    def ask(self, number: int) -> Proposal:
        hyperparameters: Point = {}
        with quiet_optuna():
            trial = self._study.ask()

            def choose(hyperparameter: str, domain: Domain) -> Value:
                hyperparameters[hyperparameter] = suggest(trial, hyperparameter, domain)
                return hyperparameters[hyperparameter]

            draw_hyperparameters(self._space.config, choose)
        self._running[number] = trial
        return Proposal(
            self._space.spec(hyperparameters), hyperparameters, self._space.training(hyperparameters), {}
        )

    def report(self, record: TrialRecord, report: EpochReport) -> None:
        """Ignore epochs. These samplers learn from complete trials only."""

    def restore(self, record: TrialRecord, reports: Sequence[EpochReport] = ()) -> None:
        raise AssertionError("a simulation is never resumed")

    def tell(self, record: TrialRecord) -> None:
        if record.state == "failed":
            self._study.tell(self._running.pop(record.number), state=TrialState.FAIL)
        elif record.val_accuracy is not None:
            values = [record.val_accuracy, float(record.params)]
            self._study.tell(self._running.pop(record.number), values)
