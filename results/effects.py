"""The effect of each hyperparameter on accuracy at equal size: estimates, intervals, a ranking.

Larger networks are more accurate. The mean accuracy of a value therefore mostly reflects network size. This
module uses an analysis of covariance: it regresses accuracy on the hyperparameter's values and a polynomial
in log(parameters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from results.effect_groups import MIN_GROUP, groups, with_company
from results.front import complete_trials
from results.storage.records import TrialRecord

Array = NDArray[np.float64]

MIN_TRIALS = 8
"""The smallest number of trials for an estimate."""
_QUADRATIC_FROM = 12
_CUBIC_FROM = 24
_OUTLIER_SIGMAS = 4.0
_FEW_OF_A_VALUE = 2
"""Up to this number of outliers with the same value may be chance; more are an effect of the value."""
_PERMUTATIONS = 999
_MIN_FREEDOM = 4
_SINGULAR = 1e-3
_ROUNDING = 1e-6


@dataclass(frozen=True)
class ValueEffect:
    """The accuracy of one value, or a range of values, minus the hyperparameter's mean at equal size.

    Attributes:
        label: The value as text.
        num_trials: The number of trials with this value.
        effect: The difference of accuracies, from -1 to 1.
        std_error: Its standard error.
        low: The lower end of its 95 % interval.
        high: The upper end of its 95 % interval.
    """

    label: str
    num_trials: int
    effect: float
    std_error: float
    low: float
    high: float


@dataclass(frozen=True)
class HyperparameterEffect:
    """The effect of one hyperparameter.

    Attributes:
        hyperparameter: Its name.
        num_trials: The number of trials in the estimate.
        values: The effect of each value; empty without an estimate.
        importance: Epsilon squared, from 0 to 1: the explained fraction of the variance not explained by
            size.
        p_value: The p value of a permutation test, corrected for the number of hyperparameters (Holm).
            Importance and p value exclude the training that supports the effect most.
        reason: The reason for a missing estimate; None with an estimate.
        left_out: Values with fewer than ``MIN_GROUP`` trainings, with their numbers of trainings.
    """

    hyperparameter: str
    num_trials: int
    values: tuple[ValueEffect, ...] = ()
    importance: float = 0.0
    p_value: float = 1.0
    reason: str | None = None
    left_out: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Effects:
    """The effects of all hyperparameters, the strongest first.

    Attributes:
        hyperparameters: The effects.
        num_trials: The number of complete trials.
        num_outliers: The number of outliers among the accuracies, for each hyperparameter.
        epochs_differ: Whether the trials have different numbers of epochs.
    """

    hyperparameters: tuple[HyperparameterEffect, ...]
    num_trials: int
    num_outliers: int
    epochs_differ: bool


def hyperparameter_effects(trials: Sequence[TrialRecord], seed: int = 0) -> Effects:
    """Return the effect of each hyperparameter on validation accuracy at equal size.

    Outliers are moved to a distance of four robust standard deviations from the prediction by size and value.
    Trials with different numbers of epochs are compared at equal log(epochs).

    Args:
        trials: Trials; only complete ones are used.
        seed: The seed of the permutation tests.
    """
    complete = complete_trials(trials)
    names = dict.fromkeys(hyperparameter for trial in complete for hyperparameter in trial.hyperparameters)
    effects, unexplained = [], set(range(len(complete)))
    for name in names:
        chosen, left_out = with_company(
            [i for i, t in enumerate(complete) if name in t.hyperparameters], complete, name
        )
        effect, moved = _effect(name, [complete[i] for i in chosen], seed)
        effect = replace(effect, left_out=left_out)
        effects.append(effect)
        if effect.reason is None:
            unexplained -= {index for index, is_far in zip(chosen, moved, strict=True) if not is_far}
    estimated = {effect.hyperparameter for effect in effects if effect.reason is None}
    unexplained = {index for index in unexplained if estimated & set(complete[index].hyperparameters)}
    effects = _holm(effects)
    effects.sort(key=lambda effect: (effect.reason is not None, -effect.importance, effect.p_value))
    epochs_differ = len({t.epochs for t in complete}) > 1
    return Effects(tuple(effects), len(complete), len(unexplained), epochs_differ)


def _covariates(trials: Sequence[TrialRecord]) -> Array:
    """Return the covariates, trials x columns: powers of log(parameters); log(epochs) if epochs differ."""
    columns = []
    num_sizes = len({t.params for t in trials})
    degree = min(num_sizes - 1, 1 + (len(trials) >= _QUADRATIC_FROM) + (len(trials) >= _CUBIC_FROM))
    if degree > 0:
        size = _standardised([math.log(t.params) for t in trials])
        columns += [size**power for power in range(1, degree + 1)]
    if len({t.epochs for t in trials}) > 1:
        columns.append(_standardised([math.log(max(t.epochs, 1)) for t in trials]))
    return np.column_stack(columns) if columns else np.empty((len(trials), 0))


def _standardised(values: Sequence[float]) -> Array:
    array = np.asarray(values, dtype=np.float64)
    centred: Array = array - array.mean()
    return centred / max(float(array.std()), 1e-12)


def pull_in(accuracy: Array, member: NDArray[np.intp], covariates: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the accuracies with outliers moved closer, and a mask of the outliers.

    An outlier is far from a robust regression on the covariates. If most trainings of a value are outliers,
    the value gets its own intercept.
    """
    apart: list[int] = []
    while True:
        is_apart = np.isin(member, apart)
        own = np.column_stack([member == group for group in apart] + [~is_apart]).astype(np.float64)
        curve, reach = _robust_fit(accuracy, np.column_stack([own, covariates]))
        moved = np.abs(accuracy - curve) > reach
        counts = np.bincount(member)
        most = 2 * np.bincount(member, weights=moved) > counts
        found = [int(g) for g in np.flatnonzero(most & (counts > _FEW_OF_A_VALUE)) if g not in apart]
        if not found:
            return curve + np.clip(accuracy - curve, -reach, reach), moved
        apart += found


def _robust_fit(accuracy: Array, design: Array) -> tuple[Array, float]:
    """Return the predictions of a Huber regression and the largest distance of a regular accuracy."""
    weights = np.ones(len(accuracy))
    for _ in range(30):
        root = np.sqrt(weights)
        beta = np.linalg.lstsq(design * root[:, None], accuracy * root, rcond=None)[0]
        curve: Array = design @ beta
        residual = np.abs(accuracy - curve)
        sigma = 1.4826 * float(np.median(residual))
        if sigma < _ROUNDING:
            return curve, math.inf
        weights = np.minimum(1.0, 1.345 * sigma / np.maximum(residual, 1e-12))
    return curve, _OUTLIER_SIGMAS * sigma


def _effect(
    hyperparameter: str, trials: list[TrialRecord], seed: int
) -> tuple[HyperparameterEffect, NDArray[np.bool_]]:
    """Return the effect of a hyperparameter in these trials, and a mask of the outliers."""
    n = len(trials)
    labels, member = groups(trials, hyperparameter)
    covariates = _covariates(trials)
    accuracy = np.array([t.val_accuracy for t in trials], dtype=np.float64)
    reason = _what_is_missing(labels, member, covariates)
    if reason is not None:
        return HyperparameterEffect(hyperparameter, n, reason=reason), np.zeros(n, dtype=bool)
    accuracy, moved = pull_in(accuracy, member, covariates)
    design = np.column_stack([np.eye(len(labels))[member], covariates])
    freedom = n - design.shape[1]
    beta = np.linalg.lstsq(design, accuracy, rcond=None)[0]
    variance = float(np.sum((accuracy - design @ beta) ** 2)) / freedom
    shares = np.bincount(member, minlength=len(labels)) / n
    contrasts = np.zeros((len(labels), design.shape[1]))
    contrasts[:, : len(labels)] = np.eye(len(labels)) - shares
    inverse = np.linalg.inv(design.T @ design)
    errors = np.sqrt(np.maximum(variance * np.einsum("gi,ij,gj->g", contrasts, inverse, contrasts), 0.0))
    centres, reach = contrasts @ beta, stdtrit(freedom, 0.975) * errors
    values = tuple(
        ValueEffect(
            label,
            int(np.sum(member == g)),
            float(centres[g]),
            float(errors[g]),
            float(centres[g] - reach[g]),
            float(centres[g] + reach[g]),
        )
        for g, label in enumerate(labels)
    )
    importance, p_value = _strength(design, covariates, accuracy, seed)
    return HyperparameterEffect(hyperparameter, n, values, importance, p_value), moved


def _what_is_missing(labels: Sequence[str], member: NDArray[np.intp], covariates: Array) -> str | None:
    """Return the reason for a missing estimate; None if the effect can be estimated."""
    n = len(member)
    if len(labels) < 2:
        return f"fewer than two values have {MIN_GROUP} finished trials"
    if n < MIN_TRIALS:
        return f"only {n} finished trials have it; {MIN_TRIALS} are needed"
    design = np.column_stack([np.eye(len(labels))[member], covariates])
    if n - design.shape[1] < _MIN_FREEDOM:
        return f"{n} finished trials are too few for {len(labels)} values"
    if not is_separable(design):
        return "it determines the size, so the two effects cannot be separated"
    return None


def is_separable(design: Array) -> bool:
    """Return whether the columns of a regression are far from linear dependence."""
    singular = np.linalg.svd(design / np.linalg.norm(design, axis=0), compute_uv=False)
    return bool(singular[-1] >= _SINGULAR * singular[0])


def _strength(design: Array, covariates: Array, accuracy: Array, seed: int) -> tuple[float, float]:
    """Return the effect size and the p value of a permutation test.

    The effect size is epsilon squared: the explained fraction of the variance not explained by size. The test
    permutes the residuals of the model without the hyperparameter (Freedman and Lane, 1983). It does not
    assume normal noise. Both use the minimum ratio over all leave-one-out fits, to limit the influence of
    single trainings.
    """
    n = len(accuracy)
    full = np.linalg.qr(design)[0]
    without = np.linalg.qr(np.column_stack([np.ones(n), covariates]))[0]
    residual = accuracy - without @ (without.T @ accuracy)
    left_open = float(residual @ residual)
    if left_open < n * _ROUNDING**2:
        return 0.0, 1.0

    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(residual, (_PERMUTATIONS, 1)), axis=1)
    total = np.sum(orders**2, axis=1)
    unexplained = np.maximum(total - np.sum((orders @ full) ** 2, axis=1), 1e-15 * left_open)
    explained = total - np.sum((orders @ without) ** 2, axis=1) - unexplained

    open_without = np.maximum(_left_one_out(residual, without), 1e-15 * left_open)
    open_full = np.clip(_left_one_out(residual, full), 1e-15 * left_open, open_without)
    ratio = float(np.min((open_without - open_full) / open_full))
    # a valid test counts the observed order as a permutation
    p_value = (1 + int(np.sum(explained / unexplained >= ratio * (1 - 1e-9)))) / (_PERMUTATIONS + 1)

    extra, freedom = full.shape[1] - without.shape[1], n - 1 - full.shape[1]
    shares = (open_without - open_full - extra * open_full / freedom) / open_without
    return float(np.clip(np.min(shares), 0.0, 1.0)), p_value


def _left_one_out(values: Array, basis: Array) -> Array:
    """Return the leave-one-out residual sums of squares of a regression.

    They are ``RSS - e_i^2 / (1 - h_i)``, with the leverages ``h`` of the orthonormal ``basis``.
    """
    residual = values - basis @ (basis.T @ values)
    free = 1 - np.sum(basis**2, axis=1)
    own = np.where(free > _ROUNDING, residual**2 / np.maximum(free, _ROUNDING), 0.0)
    left: Array = float(residual @ residual) - own
    return left


def _holm(effects: list[HyperparameterEffect]) -> list[HyperparameterEffect]:
    """Return the effects with p values corrected for multiple tests by Holm's method."""
    tested = sorted((e for e in effects if e.reason is None), key=lambda e: e.p_value)
    corrected, largest = {}, 0.0
    for rank, effect in enumerate(tested):
        largest = max(largest, min(1.0, effect.p_value * (len(tested) - rank)))
        corrected[effect.hyperparameter] = largest
    return [replace(e, p_value=corrected.get(e.hyperparameter, 1.0)) for e in effects]
