"""The samplers that are compared, at their defaults, and with known costs given to those that can use them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from benchmarks.optuna_studies.botorch_sampler import LogNehviSampler
from benchmarks.optuna_studies.problem import Costs, StudyProblem
from mgnas.optuna import FrontierSampler
from search.study.seeds import derive_seed

MAX_DRAWS = 20


class UnderACeiling(BaseSampler):
    """Gives known costs to any sampler: each trial draws a ceiling, and the first proposal under it is taken.

    The ceiling is the cost of a random earlier trial. Of ``MAX_DRAWS`` proposals that are all above it, the cheapest is
    taken. Trials thus spread along the cost, and their costs are exact. One known cost only.
    """

    def __init__(
        self, inner: BaseSampler, costs: Costs, suggest: Callable[[Any], dict[str, Any]], seed: int
    ) -> None:
        self._inner, self._costs, self._suggest, self._seed = inner, costs, suggest, seed
        self._chosen: dict[int, Mapping[str, Any]] = {}

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        rng = random.Random(derive_seed(self._seed, trial.number, "ceiling"))
        earlier = [one.params for one in study.get_trials(deepcopy=False) if one.state.is_finished()]
        ceiling = self._costs(rng.choice(earlier))[0] if earlier else float("inf")
        space = self._inner.infer_relative_search_space(study, trial)
        drawn: list[tuple[float, Mapping[str, Any]]] = []
        for _ in range(MAX_DRAWS):
            params = self._suggest(_Proposal(self._inner, study, trial, space))
            drawn.append((self._costs(params)[0], params))
            if drawn[-1][0] <= ceiling:
                break
        under = [params for cost, params in drawn if cost <= ceiling]
        self._chosen[trial.number] = under[0] if under else min(drawn, key=lambda one: one[0])[1]
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._chosen[trial.number][param_name]

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._inner.before_trial(study, trial)

    def after_trial(self, study: optuna.Study, trial: FrozenTrial, state: Any, values: Any) -> None:
        self._chosen.pop(trial.number, None)
        self._inner.after_trial(study, trial, state, values)


class _Proposal:
    """Answers ``suggest_*`` calls with one proposal of a sampler, without a trial."""

    def __init__(
        self,
        sampler: BaseSampler,
        study: optuna.Study,
        trial: FrozenTrial,
        space: dict[str, BaseDistribution],
    ) -> None:
        self._sampler, self._study, self._trial = sampler, study, trial
        self._relative = sampler.sample_relative(study, trial, space)

    def _value(self, name: str, distribution: BaseDistribution) -> Any:
        if name in self._relative:
            return self._relative[name]
        return self._sampler.sample_independent(self._study, self._trial, name, distribution)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return float(self._value(name, optuna.distributions.FloatDistribution(low, high, log=log)))

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return int(self._value(name, optuna.distributions.IntDistribution(low, high, log=log)))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._value(name, optuna.distributions.CategoricalDistribution(choices))


OPTUNA: dict[str, Callable[[int], BaseSampler]] = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "tpe multivariate": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
}
KNOWN = ", costs known"
SLOW = ("gp", "qlognehvi", f"qlognehvi{KNOWN}")
"""Samplers that take seconds for a decision; they run only when they are named."""
DEFAULT_NAMES = ("frontier", f"frontier{KNOWN}", *OPTUNA, *(f"{name}{KNOWN}" for name in OPTUNA))
NAMES = (*DEFAULT_NAMES, *SLOW)


def make_sampler(name: str, problem: StudyProblem, seed: int) -> BaseSampler | None:
    """Return a sampler for a problem; None if it cannot use known costs there."""
    method, _, known = name.partition(",")
    if known and problem.costs is None:
        return None
    costs = problem.costs if known else None
    if method == "frontier":
        return FrontierSampler(costs, seed=seed)
    if method == "qlognehvi":
        return LogNehviSampler(seed, costs) if not known or problem.is_finite else None
    if method == "gp":
        return optuna.samplers.GPSampler(seed=seed)
    sampler = OPTUNA[method](seed)
    return sampler if costs is None else UnderACeiling(sampler, costs, problem.suggest, seed)
