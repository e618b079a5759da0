"""Domains of the search space as Optuna's distributions.

A list of numbers, or a range of integers, is suggested by rank: samplers see the order, not the spacing.
Logarithmic and continuous ranges keep their values. Categories stay categories.
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
    """Return the distribution that a sampler draws from."""
    if isinstance(domain, FloatRange):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, IntRange) and domain.log:
        return IntDistribution(domain.low, domain.high, log=True)
    if domain.is_ordered:
        return IntDistribution(0, domain.size - 1)
    return CategoricalDistribution(tuple(domain.values()))


def encode(domain: Domain, value: Value) -> Any:
    """Return the parameter of a value. Raises ValueError if the domain lacks the value."""
    ranked = _ranked(domain)
    return value if ranked is None else ranked.rank(value)


def suggest(trial: optuna.Trial, hyperparameter: str, domain: Domain) -> Value:
    """Return the value that a trial suggests for a hyperparameter."""
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
    """Return the domain if its values are suggested by rank, else None."""
    if isinstance(domain, FloatRange) or not domain.is_ordered:
        return None
    return None if isinstance(domain, IntRange) and domain.log else domain
