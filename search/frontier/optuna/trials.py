"""Trials of an Optuna study as the engine's observations."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.frontier.observation import MAX_MAGNITUDE, Observation, State, is_usable_number
from search.frontier.optuna.observed_space import ObservedSpace
from search.frontier.points import Params, Point, params_key

CURVE = "mgnas:curve"
"""User attribute of a trial: the first objective after each epoch, and the epochs of a complete training."""
STOPPED = "mgnas:stopped"
"""User attribute of a complete trial: the epoch at which ``EarlyStopping`` ended its training."""
POINT = "mgnas:point"
"""System attribute of a trial: the proposed parameters. A running or failed trial may lack some of them."""
MAX_EPOCHS = 1_000
"""Resolution of learning curves: of longer ones, the last epoch of each group counts."""
_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "pruned",
    TrialState.RUNNING: "running",
}


def integer(name: str, value: Any, *, least: int | None = None) -> int:
    """Return an argument as an integer.

    Raises:
        TypeError: It is none.
        ValueError: It is below ``least``.
    """
    try:
        found = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, but got {value!r}") from None
    if least is not None and found < least:
        raise ValueError(f"{name} must be at least {least}, but got {found}")
    return found


def note_epoch(
    trial: optuna.Trial | optuna.trial.FixedTrial,
    epoch: int,
    value: float,
    epochs: int,
    *,
    train_loss: float | None = None,
) -> None:
    """Record the first objective of a trial after an epoch, for ``FrontierSampler``.

    Optuna's own ``Trial.report`` accepts studies with one objective only; there it serves as well, with steps from 0.

    Args:
        trial: A running trial.
        epoch: The epoch, from 1.
        value: The first objective after this epoch.
        epochs: Epochs of a complete training.
        train_loss: The training loss of the epoch.

    Raises:
        ValueError: ``epoch`` is not between 1 and ``epochs``.
        TypeError: ``epoch`` or ``epochs`` is not an integer, or ``value`` no number.
    """
    epoch, epochs = integer("epoch", epoch), integer("epochs", epochs)
    if not 1 <= epoch <= epochs:
        raise ValueError(f"1 <= epoch <= epochs must hold, but got epoch={epoch}, epochs={epochs}")
    noted = trial.user_attrs.get(CURVE, {"values": {}})
    # a database accepts no NumPy or torch scalars
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"value must be a number, but got {value!r} at epoch {epoch}") from None
    curve = {"epochs": epochs, "values": {**noted["values"], str(epoch): number}}
    losses = noted.get("losses", {})
    if train_loss is not None:
        losses = {**losses, str(epoch): float(train_loss)}
    trial.set_user_attr(CURVE, curve | ({"losses": losses} if losses else {}))


def signs_of(study: optuna.Study) -> list[float]:
    """Return the factor of each objective that makes it one to minimise."""
    return [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in study.directions]


class TrialReader:
    """Converts trials to observations. Ended trials are converted once."""

    def __init__(self, known_costs: Callable[[optuna.Study, Params], tuple[float, ...] | None]) -> None:
        """Take the function that returns known costs of parameters (to be minimised), or None."""
        self._known_costs = known_costs
        self._read: dict[int, tuple[FrozenTrial, Observation | None]] = {}
        self._read_for: tuple[ObservedSpace | None, int] = (None, 0)

    def observations(
        self, study: optuna.Study, trials: Sequence[FrozenTrial], space: ObservedSpace
    ) -> list[Observation]:
        """Return the observations of trials, without those that have not suggested their parameters yet."""
        length = max(map(_length, trials), default=1)
        if self._read_for[0] is not space or self._read_for[1] != length:
            self._read, self._read_for = {}, (space, length)
        found = []
        for trial in trials:
            before = self._read.get(trial.number)
            if before is not None and before[0] is trial:
                one = before[1]
            else:
                one = self._observation(study, trial, space, length)
                if trial.state.is_finished():
                    self._read[trial.number] = trial, one
            if one is not None:
                found.append(one)
        return found

    def _observation(
        self, study: optuna.Study, trial: FrozenTrial, space: ObservedSpace, length: int
    ) -> Observation | None:
        params = next((each for each in _params_of(trial) if frozenset(each) in space.name_sets), None)
        if params is None or trial.state not in _STATES:
            return None
        signs = signs_of(study)
        costs = self._known_costs(study, params)
        has_result = True
        is_whole = trial.state == TrialState.COMPLETE and STOPPED not in trial.user_attrs
        if trial.state == TrialState.COMPLETE:
            told = [sign * value for sign, value in zip(signs[1:], trial.values[1:], strict=True)]
            known = costs or (math.nan,) * len(told)
            costs = tuple(b if math.isnan(a) else a for a, b in zip(known, told, strict=True))
            has_result = all(map(is_usable_number, (trial.values[0], *costs)))
        curve = _grouped(_curve(trial, length, is_whole=is_whole), length)
        errors = {epoch: signs[0] * value for epoch, value in curve.items() if is_usable_number(value)}
        state = "pruned" if STOPPED in trial.user_attrs else _STATES[trial.state]
        if not has_result or (not errors and (curve or state == "pruned")):
            state = "failed"  # a pruned trial without a curve carries no other information
        losses = trial.user_attrs.get(CURVE, {}).get("losses", {})
        usable = {int(epoch): float(loss) for epoch, loss in losses.items() if is_usable_number(loss)}
        return Observation(
            Point(params, params_key(params), costs),
            state,
            errors,
            costs,
            min(length, MAX_EPOCHS),
            {name: _clipped(value) for name, value in trial.constraints.items()},
            _grouped(usable, length),
        )


def _params_of(trial: FrozenTrial) -> list[Params]:
    """Return candidates for the parameters of a trial, the most likely first.

    A trial that did not complete may have suggested only some of its proposed parameters.
    """
    proposed = trial.system_attrs.get(POINT, {})
    is_kept = all(name in proposed and proposed[name] == value for name, value in trial.params.items())
    candidates = [trial.params, proposed]
    return candidates[::-1] if is_kept and trial.state != TrialState.COMPLETE else candidates


def _clipped(value: float) -> float:
    return MAX_MAGNITUDE if math.isnan(value) else min(max(value, -MAX_MAGNITUDE), MAX_MAGNITUDE)


def noted_curve(trial: optuna.trial.BaseTrial) -> dict[int, float]:
    """Return the first objective by epoch, as noted."""
    noted: dict[str, Any] | None = trial.user_attrs.get(CURVE)
    return {int(epoch): float(value) for epoch, value in noted["values"].items()} if noted else {}


def _length(trial: FrozenTrial) -> int:
    """Return the epochs of a whole training as far as a trial tells."""
    noted: dict[str, Any] | None = trial.user_attrs.get(CURVE)
    return int(noted["epochs"]) if noted else max(trial.intermediate_values, default=0) + 1


def _curve(trial: FrozenTrial, length: int, *, is_whole: bool) -> dict[int, float]:
    """Return the first objective by epoch; the value of a whole training is that of its last epoch."""
    noted: dict[str, Any] | None = trial.user_attrs.get(CURVE)
    reported = {step + 1: value for step, value in trial.intermediate_values.items()}  # steps count from 0
    curve = noted_curve(trial) if noted else reported
    if is_whole:
        curve[max([noted["epochs"] if noted else length, *curve])] = trial.values[0]
    return curve


def _grouped(curve: dict[int, float], length: int) -> dict[int, float]:
    """Return a curve of ``length`` epochs at a resolution of at most ``MAX_EPOCHS``."""
    if length <= MAX_EPOCHS:
        return curve
    return {math.ceil(epoch * MAX_EPOCHS / length): curve[epoch] for epoch in sorted(curve)}
