"""Early stopping for Optuna studies with one objective or several: rivals of a trial cost at most about as much."""

from __future__ import annotations

import math

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from results.rungs import rung_epochs
from search.frontier.optuna.known_costs import Costs, KnownCosts
from search.frontier.optuna.rival_costs import rival_costs
from search.frontier.optuna.trials import STOPPED, integer, note_epoch, noted_curve, signs_of
from search.schedulers.asha import leads_at

RACING = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)


class EarlyStopping:
    """Ends trials whose first objective is behind that of trials of at most about their cost.

    The rungs are ``epochs``, ``epochs / reduction``, ``epochs / reduction**2`` and so on. At each rung but the last,
    the trials that reached it are ranked by their *lead*: the distance of their value from the best value among the
    others that cost no more, or up to 8 % of the range of costs more (of log costs if all are positive). The first
    ``1 / reduction`` of them go on. The first trials at a rung go on too, until ``reduction`` have reached it. A small
    network is thus not compared with a much larger one, but the leads of all sizes compete for the same places.

    In a study with one objective, trials are ranked by their values. The object keeps no state: threads and processes
    that share a study may each have their own.

    Source: asynchronous successive halving, Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", in
    the form that decides when a trial reaches a rung.

    Args:
        epochs: Epochs of a whole training.
        costs: Returns the values of all objectives but the first from a trial's parameters, as for
            ``FrontierSampler``. None, or None for one of them, means that it is learned from complete trials; trials
            are stopped only after eight of them.
        reduction: The reduction factor between two rungs.
        first_rung: The smallest number of epochs at a rung.

    Raises:
        ValueError: ``epochs`` or ``first_rung`` is below 1, or ``reduction`` below 2.
        TypeError: One of them is not an integer, or ``costs`` is not a function.

    Example:
        >>> import math
        >>> stopping = EarlyStopping(epochs=27, costs=lambda params: params["width"] ** 2)
        >>> def objective(trial):
        ...     width = trial.suggest_int("width", 4, 64)
        ...     rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
        ...     for epoch in range(1, 28):
        ...         accuracy = (1 - 1 / (width * epoch)) * (1 - abs(math.log10(rate) + 2) / 2)
        ...         if stopping.report(trial, epoch, accuracy):
        ...             raise optuna.TrialPruned
        ...     return accuracy, width**2
    """

    def __init__(
        self, epochs: int, *, costs: Costs | None = None, reduction: int = 3, first_rung: int = 1
    ) -> None:
        self.epochs = integer("epochs", epochs, least=1)
        self._reduction = integer("reduction", reduction, least=2)
        self._rungs = rung_epochs(self.epochs, self._reduction, integer("first_rung", first_rung, least=1))
        self._costs = KnownCosts(costs)

    @property
    def rungs(self) -> tuple[int, ...]:
        """The rungs in epochs, ascending; the last one is the end of a training."""
        return self._rungs

    def report(
        self,
        trial: optuna.Trial | optuna.trial.FixedTrial,
        epoch: int,
        value: float,
        *,
        train_loss: float | None = None,
    ) -> bool:
        """Record the first objective after an epoch, and return whether to end the trial now.

        Call it after all parameters have been suggested. Epochs may be left out: a rung counts with the first value at
        or after it. An ``optuna.trial.FixedTrial`` belongs to no study and always goes on.

        Args:
            trial: A running trial.
            epoch: The epoch, from 1.
            value: The first objective after this epoch. One that is not finite is behind all others.
            train_loss: The training loss of the epoch, from which ``FrontierSampler`` learns too.

        Raises:
            ValueError: ``epoch`` is not between 1 and ``epochs``.
            TypeError: ``epoch`` is not an integer, or ``value`` not a number.
        """
        before = max(noted_curve(trial), default=0)
        note_epoch(trial, epoch, value, self.epochs, train_loss=train_loss)
        if isinstance(trial, optuna.trial.FixedTrial):
            return False
        study = trial.study
        if len(study.directions) == 1:
            trial.report(float(value), epoch)  # for dashboards
        reached = [rung for rung in self._rungs[:-1] if before < rung <= epoch]
        return bool(reached) and epoch < self.epochs and self._is_behind(trial, reached[-1])

    def result(self, trial: optuna.Trial) -> tuple[float, ...] | float:
        """Return the last value and the costs of a trial that is to end, as the result of the objective.

        Optuna's own samplers learn nothing from a pruned trial with several objectives, but from a complete one. Return
        this result instead of raising ``optuna.TrialPruned``. ``FrontierSampler`` still takes the trial as pruned.
        ``study.best_trials`` contains such trials; the user attribute ``mgnas:stopped`` marks them.

        Raises:
            ValueError: A cost is unknown, or nothing was reported.
        """
        curve, study = noted_curve(trial), trial.study
        if not curve:
            raise ValueError(f"trial {trial.number} has reported no epoch")
        signs = signs_of(study)
        costs = self._costs(study, trial.params) or (math.nan,) * (len(signs) - 1)
        if any(map(math.isnan, costs)):
            raise ValueError(
                f"trial {trial.number} ends with known costs only: EarlyStopping needs costs for all objectives but "
                "the first"
            )
        trial.set_user_attr(STOPPED, max(curve))
        value = curve[max(curve)]
        if not costs:
            return value
        return (value, *(sign * cost for sign, cost in zip(signs[1:], costs, strict=True)))

    def _is_behind(self, trial: optuna.Trial, rung: int) -> bool:
        """Return whether a trial is not among the first of those that reached a rung."""
        study = trial.study
        rivals = [
            one for one in study.get_trials(deepcopy=False, states=RACING) if one.number != trial.number
        ]
        me = study._storage.get_trial(trial._trial_id)
        racing = [(one, value) for one in (*rivals, me) if (value := _value_at(one, rung)) is not None]
        if len(racing) < self._reduction:
            return False
        trials = [one for one, _ in racing]
        costs = rival_costs(study, trials, self._costs)
        self._costs.warn_of_missing([me])
        if costs is None:
            return False
        errors = _finite(signs_of(study)[0] * np.array([value for _, value in racing]))
        leads = leads_at(costs, errors)
        rank = sum(
            (lead, one.number) < (leads[-1], me.number) for lead, one in zip(leads, trials, strict=True)
        )
        return bool(rank >= len(trials) // self._reduction)


def _value_at(trial: FrozenTrial, rung: int) -> float | None:
    """Return the first value of a trial at or after a rung; None if it has not reached it."""
    curve = noted_curve(trial)
    epochs = [epoch for epoch in curve if epoch >= rung]
    return curve[min(epochs)] if epochs else None


def _finite(
    errors: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return errors with those that are not finite replaced by one beyond the worst."""
    is_finite = np.isfinite(errors)
    worst = float(errors[is_finite].max()) + 1.0 if is_finite.any() else 0.0
    return np.where(is_finite, errors, worst)
