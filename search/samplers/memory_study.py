"""The Optuna study in memory that the samplers of a search work on, rebuilt from the observations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.frontier.models.learning_curves import as_rows, final_values
from search.frontier.observation import Observation
from search.samplers.encoding import distribution_of, encode, suggest
from search.samplers.observations import Observations
from search.samplers.quiet import quiet_optuna
from space.decision_tree import draw_hyperparameters
from space.domains import Domain, Point, Value
from space.search_space import SearchSpace

FAILED = "failed"
"""The constraint that failed trials violate in the study of Optuna's own samplers."""


class MemoryStudy:
    """An Optuna study with the trials of a search, by their number in the ledger.

    All objectives are minimised: the error, and the logarithm of each cost. With ``extrapolates``, unfinished trials
    are complete with their extrapolated final error, and failed ones with the worst error: Optuna's own samplers learn
    from complete trials only. Otherwise the study has the true states.
    """

    def __init__(self, space: SearchSpace, observations: Observations, *, extrapolates: bool) -> None:
        self._space = space
        self._observations = observations
        self._extrapolates = extrapolates
        self._study = self._new_study()
        self._pending: dict[int, optuna.Trial] = {}
        self._attrs: dict[int, dict[str, Any]] = {}
        self._is_stale = False

    def restore(self, number: int, sampler_attrs: dict[str, Any]) -> None:
        """Add a trial of an earlier run when the study is rebuilt."""
        self._attrs[number] = sampler_attrs
        self._is_stale = True

    def begin(self, number: int, sampler_attrs: dict[str, Any]) -> None:
        """Keep the sampler's attributes of a trial that starts, for a later rebuild."""
        self._attrs[number] = sampler_attrs

    def tell(self, number: int, state: str) -> None:
        """Update the state of a trial."""
        trial = self._pending.get(number)
        if self._extrapolates and state in ("paused", "stopped", "failed"):
            self._is_stale = True  # extrapolated values change with every epoch
        if trial is None or self._is_stale:
            self._is_stale = True
        elif state == "complete":
            observation = self._observations.trials[number]
            values = [_last_error(observation), *np.log(self._costs([observation])[0])]
            self._study.tell(self._pending.pop(number), values)
        elif state in ("stopped", "failed"):
            ended = TrialState.PRUNED if state == "stopped" else TrialState.FAIL
            self._study.tell(self._pending.pop(number), state=ended)

    def ask(self, number: int, sampler: BaseSampler) -> tuple[Point, dict[str, Any]]:
        """Ask the sampler for a trial; return its point and the attributes that the sampler has set."""
        self._study.sampler = sampler
        return self._suggest(number)

    def adopt(self, number: int, sampler: BaseSampler, point: Point) -> tuple[Point, dict[str, Any]]:
        """Start a trial at a point that the sampler did not choose; return the same as ``ask``."""
        self._study.sampler = sampler
        self._study.enqueue_trial(self._encoded(point)[1])
        return self._suggest(number)

    def reject(self, number: int) -> None:
        """End a trial whose network is not trained."""
        self._study.tell(self._pending.pop(number), state=TrialState.FAIL)

    def _suggest(self, number: int) -> tuple[Point, dict[str, Any]]:
        hyperparameters: Point = {}
        with quiet_optuna():
            trial = self._study.ask()

            def choose(hyperparameter: str, domain: Domain) -> Value:
                hyperparameters[hyperparameter] = suggest(trial, hyperparameter, domain)
                return hyperparameters[hyperparameter]

            draw_hyperparameters(self._space.config, choose)
        self._pending[number] = trial
        sampler = self._study.sampler
        if isinstance(sampler, optuna.samplers.BaseGASampler):
            # Optuna gives enqueued trials no generation, and a generation counts only trials that have one
            sampler.get_trial_generation(self._study, self._study.get_trials(deepcopy=False)[trial.number])
        attrs = self._study.get_trials(deepcopy=False)[trial.number].system_attrs
        return hyperparameters, {key: value for key, value in attrs.items() if key != "fixed_params"}

    def rebuild(self) -> None:
        """Rebuild the study if a trial has changed in a way that Optuna's interface does not allow."""
        if not self._is_stale:
            return
        self._study, self._pending, self._is_stale = self._new_study(), {}, False
        trials = self._observations.trials
        values = self._values() if self._extrapolates else self._known_values()
        has_failed = any(one.state == FAILED for one in trials.values())
        for (number, one), row in zip(trials.items(), values, strict=True):
            violation = (1.0 if one.state == "failed" else -1.0) if has_failed else None
            self._study.add_trial(self._frozen(number, one, row, violation))
            if one.state in ("running", "paused"):
                last = self._study.get_trials(deepcopy=False)[-1]
                if last.state == TrialState.RUNNING:
                    self._pending[number] = optuna.Trial(self._study, last._trial_id)
            # the value of a failed trial is the worst so far, which may change
            self._is_stale |= self._extrapolates and one.state in ("paused", "failed")

    def _values(self) -> list[list[float]]:
        """Return the objectives of every trial: extrapolated if unfinished, the worst so far if failed."""
        trials = list(self._observations.trials.values())
        length = max([self._observations.epochs, *(max(one.errors, default=0) for one in trials)])
        curves = as_rows([one.errors for one in trials], length)
        costs = np.log(self._costs(trials))
        is_final = np.array([one.state == "complete" for one in trials], dtype=bool)
        finals = final_values(curves, costs, is_final).values
        has_failed = np.array([one.state == "failed" for one in trials], dtype=bool)
        worst = float(np.nanmax(finals, where=~has_failed, initial=0.0)) or 1.0
        finals = np.where(has_failed, worst, finals)
        return [[float(final), *cost.tolist()] for final, cost in zip(finals, costs, strict=True)]

    def _known_values(self) -> list[list[float]]:
        """Return the objectives of complete trials, NaN for the others."""
        trials = list(self._observations.trials.values())
        errors = [_last_error(one) if one.state == "complete" else math.nan for one in trials]
        return [[e, *c.tolist()] for e, c in zip(errors, np.log(self._costs(trials)), strict=True)]

    def _costs(self, trials: Sequence[Observation]) -> NDArray[np.float64]:
        """Return the costs of trials, n x c; unmeasured ones in proportion to the MACs."""
        costs = np.array([one.costs for one in trials], dtype=np.float64)
        costs = costs.reshape(len(trials), self._observations.num_costs)
        work = np.array([one.point.work for one in trials], dtype=np.float64)
        for column in range(costs.shape[1]):
            unknown = np.isnan(costs[:, column])
            if unknown.any():
                costs[unknown, column] = work[unknown] * self._cost_per_work(column)
        return costs

    def _cost_per_work(self, column: int) -> float:
        """Return the median ratio of a measured cost to the MACs; 1 without measurements."""
        every = [
            ((one.costs or ())[column], one.point.work or 1.0) for one in self._observations.trials.values()
        ]
        ratios = [cost / work for cost, work in every if not math.isnan(cost)]
        return median(ratios) if ratios else 1.0

    def _encoded(self, hyperparameters: Point) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the distributions and the values of a point's parameters."""
        domains = self._space.hyperparameters_of(hyperparameters)
        distributions = {
            hyperparameter: distribution_of(domain) for hyperparameter, domain in domains.items()
        }
        return distributions, {
            hyperparameter: encode(domain, hyperparameters[hyperparameter])
            for hyperparameter, domain in domains.items()
        }

    def _frozen(
        self, number: int, observation: Observation, values: list[float], violation: float | None
    ) -> FrozenTrial:
        """Return a trial of the study.

        Optuna's samplers learn nothing from failed trials. A failed trial therefore counts as complete with the worst
        value, and violates a constraint (``violation`` above 0; None if no trial failed).
        """
        known: dict[str, Any] = {"state": TrialState.RUNNING}
        if observation.state != "running" and all(map(math.isfinite, values)):
            known = {"state": TrialState.COMPLETE, "values": values}
        elif observation.state == "failed":
            known = {"state": TrialState.FAIL}
        elif observation.state == "stopped":
            known = {"state": TrialState.PRUNED}
        distributions, params = self._encoded(self._observations.hyperparameters[number])
        attrs = dict(self._attrs.get(number, {}))
        trial = create_trial(params=params, distributions=distributions, system_attrs=attrs, **known)
        if known["state"] == TrialState.COMPLETE and violation is not None and self._extrapolates:
            trial.set_constraint(FAILED, violation)
        return trial

    def _new_study(self) -> optuna.Study:
        with quiet_optuna():
            return optuna.create_study(directions=["minimize"] * (1 + self._observations.num_costs))


def _last_error(observation: Observation) -> float:
    return observation.errors[max(observation.errors)]
