"""What sharing of the operators A and B saved and cost: parameters counted exactly, accuracy by a regression.

The saving of a network is exact: its own parameters against those of the same network without sharing. The
cost compares networks with and without sharing in an analysis of covariance, at equal parameters before sharing,
equal MACs and equal other choices. Networks in which sharing changes nothing are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from results.effects import is_separable, pull_in
from results.front import complete_trials
from results.storage.records import TRAINING, HyperparameterValue, TrialRecord
from space.core.errors import MgnasError
from space.networks.load import load_spec
from space.networks.spec import Spec

Array = NDArray[np.float64]
Operator = Literal["A", "B"]
OPERATORS: tuple[Operator, ...] = ("A", "B")

MIN_NETWORKS = 5
"""The smallest number of networks with sharing, and of networks without it, for an estimate."""
_MOST_NETWORKS = 1000
"""Counting all networks of a very large study is slow, and the intervals are narrow before."""
_NETWORKS_PER_COLUMN = 5
"""The regression has at most one column for this number of networks."""


@dataclass(frozen=True)
class SharingEffect:
    """What one form of sharing saved and cost.

    Attributes:
        operator: ``A`` or ``B``.
        sharing: ``level`` (over the iterations of a level) or ``network`` (also over the levels).
        num_shared: The number of networks with this sharing.
        num_unshared: The number of networks without any sharing of the operator.
        saved: The fraction of the parameters that sharing saved in these networks: lowest, median, highest.
        cost: The accuracy without sharing minus that with it, from -1 to 1; None without an estimate.
        low: The lower end of its 95 % interval.
        high: The upper end of its 95 % interval.
        reason: Why there is no estimate; None with one.
    """

    operator: Operator
    sharing: str
    num_shared: int
    num_unshared: int
    saved: tuple[float, float, float] | None = None
    cost: float | None = None
    low: float = math.nan
    high: float = math.nan
    reason: str | None = None


@dataclass(frozen=True)
class _Network:
    """A trained network: its sharing of one operator, and its parameters without that sharing."""

    trial: TrialRecord
    sharing: str
    unshared_params: int
    context: dict[str, HyperparameterValue]


def sharing_effects(trials: Sequence[TrialRecord]) -> list[SharingEffect]:
    """Return the effects of all forms of sharing that occur; none if no network has a choice.

    Args:
        trials: Trials of a search. Complete ones are used, at most 1,000, evenly spaced.
    """
    complete = complete_trials(trials)
    chosen = complete[:: math.ceil(len(complete) / _MOST_NETWORKS) or 1]
    specs = [(trial, spec) for trial in chosen if (spec := _spec(trial)) is not None]
    return [effect for operator in OPERATORS for effect in _operator_effects(operator, specs)]


def _spec(trial: TrialRecord) -> Spec | None:
    """Return the canonical network of a trial; None for a family of an unknown plugin."""
    try:
        return load_spec(trial.spec).canonical()
    except MgnasError:
        return None


def _operator_effects(operator: Operator, specs: Sequence[tuple[TrialRecord, Spec]]) -> list[SharingEffect]:
    networks = [one for trial, spec in specs if (one := _network(operator, trial, spec)) is not None]
    unshared = [one for one in networks if one.sharing == "iteration"]
    forms = [form for form in ("level", "network") if any(one.sharing == form for one in networks)]
    return [
        _effect(operator, form, [one for one in networks if one.sharing == form], unshared) for form in forms
    ]


def _network(operator: Operator, trial: TrialRecord, spec: Spec) -> _Network | None:
    """Return the network of a trial; None if sharing the operator changes nothing in it."""
    key = f"share_{operator.lower()}"
    if not hasattr(spec, key):
        return None
    unshared = spec.replaced(**{key: "iteration"}).params
    if unshared == spec.replaced(**{key: "level"}).params:
        return None
    other = f"share_{'b' if operator == 'A' else 'a'}"
    context: dict[str, HyperparameterValue] = {"family": spec.family, other: getattr(spec, other)}
    for name, value in trial.hyperparameters.items():
        if name.startswith(TRAINING) or (isinstance(value, str | bool) and not name.startswith("share_")):
            context[name] = value
    return _Network(trial, getattr(spec, key), unshared, context)


def _effect(
    operator: Operator, form: str, shared: Sequence[_Network], unshared: Sequence[_Network]
) -> SharingEffect:
    ratios = [1 - one.trial.params / one.unshared_params for one in shared]
    found = SharingEffect(
        operator, form, len(shared), len(unshared), (min(ratios), median(ratios), max(ratios))
    )
    if min(len(shared), len(unshared)) < MIN_NETWORKS:
        reason = (
            f"not enough trials: {len(shared)} with sharing and {len(unshared)} without it; "
            f"{MIN_NETWORKS} of each are needed"
        )
        return SharingEffect(**(vars(found) | {"reason": reason}))
    networks = [*shared, *unshared]
    is_shared = np.array([True] * len(shared) + [False] * len(unshared))
    covariates = _covariates(networks)
    if not is_separable(np.column_stack([is_shared, ~is_shared, covariates])):
        reason = (
            "the networks with sharing differ from the others in other ways too, so they cannot be compared"
        )
        return SharingEffect(**(vars(found) | {"reason": reason}))
    cost, error, freedom = _difference(networks, is_shared, covariates)
    reach = float(stdtrit(freedom, 0.975)) * error
    return SharingEffect(**(vars(found) | {"cost": cost, "low": cost - reach, "high": cost + reach}))


def _difference(
    networks: Sequence[_Network], is_shared: NDArray[np.bool_], covariates: Array
) -> tuple[float, float, int]:
    """Return the accuracy without sharing minus that with it, its standard error and the degrees of freedom.

    The standard error is HC3 (MacKinnon and White, 1985): the noise may differ between networks.
    """
    accuracy = np.array([one.trial.val_accuracy for one in networks], dtype=np.float64)
    accuracy, _ = pull_in(accuracy, is_shared.astype(np.intp), covariates)
    design = np.column_stack([np.ones(len(networks)), ~is_shared, covariates]).astype(np.float64)
    inverse = np.linalg.pinv(design)
    beta = inverse @ accuracy
    leverage = np.einsum("ij,ji->i", design, inverse)
    residual = (accuracy - design @ beta) / np.maximum(1 - leverage, 1e-6)
    error = math.sqrt(float(np.sum((inverse[1] * residual) ** 2)))
    return float(beta[1]), error, len(networks) - design.shape[1]


def _covariates(networks: Sequence[_Network]) -> Array:
    """Return the columns of the regression besides the sharing, the most important ones first.

    They are powers of log(parameters before sharing), log(epochs), dummies of other choices, log(MACs) and
    searched numbers of the recipe. Constant columns and those beyond the limit are left out.
    """
    size = _standardised([math.log(one.unshared_params) for one in networks])
    columns = [size, _standardised([math.log(max(one.trial.epochs, 1)) for one in networks]), size**2]
    names = dict.fromkeys(name for one in networks for name in one.context)
    numbers = []
    for name in names:
        values = [one.context.get(name, "") for one in networks]
        if any(isinstance(value, str | bool) for value in values):
            words = [str(value) for value in values]
            columns += [
                np.array([word == one for word in words], dtype=np.float64) for one in sorted(set(words))[1:]
            ]
        else:
            numbers.append(_standardised([float(value) for value in values]))
    columns.append(_standardised([math.log(one.trial.macs) for one in networks]))
    columns += [*numbers, *(number**2 for number in numbers)]
    kept = [column for column in columns if np.ptp(column) > 1e-9]
    kept = kept[: max(1, len(networks) // _NETWORKS_PER_COLUMN - 2)]
    return np.column_stack(kept) if kept else np.empty((len(networks), 0))


def _standardised(values: Sequence[float]) -> Array:
    array = np.asarray(values, dtype=np.float64)
    centred: Array = array - array.mean()
    return centred / max(float(array.std()), 1e-12)
