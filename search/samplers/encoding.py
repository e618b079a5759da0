"""Hyperparameters as Optuna's parameters: what a sampler sees of a domain, and how its suggestion becomes a value.

Numbers of a list or an even range become their rank, which keeps their order without their spacing; ranges
over a logarithm and continuous ones stay as they are; words stay categories.
"""

from __future__ import annotations

from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from space.domains import Choice, Domain, FloatRange, IntRange, Value


def distribution_of(domain: Domain) -> BaseDistribution:
    """Return the distribution under which a sampler knows a hyperparameter."""
    if isinstance(domain, FloatRange):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, IntRange) and domain.log:
        return IntDistribution(domain.low, domain.high, log=True)
    if domain.is_ordered:
        return IntDistribution(0, domain.size - 1)
    return CategoricalDistribution(tuple(domain.values()))


def encode(domain: Domain, value: Value) -> Any:
    """Return the parameter that stands for a value of a hyperparameter; raises ValueError if it has no such value."""
    ranked = _ranked(domain)
    return value if ranked is None else ranked.rank(value)


def suggest(trial: optuna.Trial, hyperparameter: str, domain: Domain) -> Value:
    """Ask a trial for a hyperparameter and return the value."""
    distribution = distribution_of(domain)
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(hyperparameter, distribution.low, distribution.high, log=distribution.log)
    if isinstance(distribution, CategoricalDistribution):
        chosen = trial.suggest_categorical(hyperparameter, distribution.choices)
        assert chosen is not None
        return chosen
    assert isinstance(distribution, IntDistribution)
    number = trial.suggest_int(hyperparameter, distribution.low, distribution.high, log=distribution.log)
    ranked = _ranked(domain)
    return number if ranked is None else ranked.value_of_rank(number)


def _ranked(domain: Domain) -> Choice | IntRange | None:
    """Return the domain if a sampler sees its values' ranks, else None."""
    if isinstance(domain, FloatRange) or not domain.is_ordered:
        return None
    return None if isinstance(domain, IntRange) and domain.log else domain
