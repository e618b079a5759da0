"""The costs by which trials of an Optuna study race: known, measured, or learned from complete trials."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from search.frontier.observation import is_usable_number
from search.frontier.optuna.known_costs import KnownCosts
from search.frontier.optuna.observed_space import ObservedSpace
from search.frontier.optuna.trials import signs_of

Array = NDArray[np.float64]

FEWEST_COMPLETE = 8
"""Complete trials from which an unknown cost is learned."""
SHRINKAGE = 0.01
"""Penalty of the squared coefficients; parameters are in [0, 1]."""


def rival_costs(study: optuna.Study, trials: Sequence[FrozenTrial], known: KnownCosts) -> Array | None:
    """Return the costs of trials on a scale for distances, n x c; None while a cost is unknown.

    A cost whose values are all above 0 is on a logarithmic scale. Costs that are neither known nor the result of a
    complete trial are predicted from the parameters by ridge regression over the complete trials.

    Args:
        study: The study.
        trials: The trials.
        known: The function of the user.
    """
    costs = np.array([_costs(study, trial, known) for trial in trials]).reshape(len(trials), -1)
    positive = np.nanmin(costs, axis=0, initial=np.inf) > 0
    costs[:, positive] = np.log(costs[:, positive])
    for column in range(costs.shape[1]):
        missing = np.isnan(costs[:, column])
        if not missing.any():
            continue
        if (~missing).sum() < FEWEST_COMPLETE:
            return None
        costs[missing, column] = _predicted(trials, costs[:, column])[missing]
    return costs


def _costs(study: optuna.Study, trial: FrozenTrial, known: KnownCosts) -> list[float]:
    """Return the costs of a trial, to be minimised; NaN for an unknown one."""
    unknown = [math.nan] * (len(study.directions) - 1)
    costs = list(known(study, trial.params) or unknown)
    if trial.state == TrialState.COMPLETE:
        told = (sign * value for sign, value in zip(signs_of(study)[1:], trial.values[1:], strict=True))
        costs = [b if math.isnan(a) else a for a, b in zip(costs, told, strict=True)]
    return [cost if is_usable_number(cost) else math.nan for cost in costs]


def _predicted(trials: Sequence[FrozenTrial], costs: Array) -> Array:
    """Return a prediction of a cost for each trial from those whose cost is not NaN."""
    from sklearn.linear_model import Ridge

    space = ObservedSpace.of_trials(trials, lambda _: None)
    rows = space.rows_of([trial.params for trial in trials])
    features = np.hstack([rows, rows**2])
    is_known = ~np.isnan(costs)
    fitted = Ridge(SHRINKAGE).fit(features[is_known], costs[is_known])
    predicted: Array = np.clip(fitted.predict(features), np.nanmin(costs), np.nanmax(costs))
    return predicted
