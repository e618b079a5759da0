"""The frontier sampler for anybody's Optuna study."""

from __future__ import annotations

import math
import operator
import random
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.frontier.engine import STARTUP, Engine
from search.frontier.observation import MOST, Tried, is_sound
from search.frontier.optuna.dynamic_ranges import clipped
from search.frontier.points import Params, Point, SeenPoints, params_key
from search.seeds import derive_seed
from space.errors import reason_of

Costs = Callable[[Params], "float | Sequence[float | None] | None"]

CURVE = "mgnas:curve"
"""Attribute of a trial: the first objective's value after each epoch, and how many epochs there will be."""
POINT = "mgnas:point"
"""Attribute of a trial: what was proposed, of which a trial that runs or failed may not have come to all."""
MOST_EPOCHS = 1_000
"""Epochs, or steps, of a trial that are told apart: of more, the last of each group of them counts."""
_STATES: dict[TrialState, Literal["running", "pruned", "complete", "failed"]] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "pruned",
    TrialState.RUNNING: "running",
}


def note_epoch(
    trial: optuna.Trial, epoch: int, value: float, epochs: int, *, train_loss: float | None = None
) -> None:
    """Note for the frontier sampler what a trial's first objective is after an epoch (from 1) of ``epochs``.

    The ``train_loss`` of the epoch is learned from as well. Optuna's own ``Trial.report`` is for studies
    of one objective.

    Raises:
        ValueError: the epoch is not from 1 to ``epochs``.
        TypeError: one of them is no whole number.
    """
    epoch, epochs = operator.index(epoch), operator.index(epochs)
    if not 1 <= epoch <= epochs:
        raise ValueError(f"1 <= epoch <= epochs must hold, but got epoch={epoch}, epochs={epochs}")
    noted = trial.user_attrs.get(CURVE, {"values": {}})
    # numbers of numpy's and torch's are none that a database takes
    curve = {"epochs": epochs, "values": {**noted["values"], str(epoch): float(value)}}
    losses = noted.get("losses", {})
    if train_loss is not None:
        losses = {**losses, str(epoch): float(train_loss)}
    trial.set_user_attr(CURVE, curve | ({"losses": losses} if losses else {}))


class FrontierSampler(BaseSampler):
    """Proposes what is expected to add most to the hypervolume of the front.

    The first objective is learned; the others are *costs*. With ``costs``, a function of a trial's
    parameters that returns the values of all other objectives, they are known before a trial is run; those
    for which it returns None, and all without it, are learned too. A proposal takes in all other trials:
    finished ones, those under way (they count as if they were to end as expected), failed ones and those
    that broke constraints, and, where ``costs`` are known, every epoch noted with ``note_epoch``, also of
    pruned trials. Values that are not finite count as failures; what was pruned counts against a point like
    one. Fixed values, enqueued or of a ``PartialFixedSampler``, are part of a proposal. Where ``costs``
    raises an ArithmeticError or a ValueError they are unknown, and one warning says so. Threads may share
    the sampler. The same ``seed`` and trials give the same proposal.

    Source: expected hypervolume improvement (Emmerich, Giannakoglou, Naujoks 2006), with all objectives but
    one known.
    """

    def __init__(
        self, costs: Costs | None = None, *, seed: int | None = None, num_startup: int = STARTUP
    ) -> None:
        self._costs_of = costs
        self._seed = random.SystemRandom().randrange(2**31) if seed is None else seed
        self._engine = Engine(self._seed, num_startup)
        self._chosen: dict[int, Point] = {}
        self._known_costs: dict[Any, tuple[float, ...] | None] = {}
        self._lacking: dict[Any, str] = {}
        self._warned: set[str] = set()
        self._source: SeenPoints | None = None
        self._read: dict[int, tuple[FrozenTrial, Tried | None]] = {}
        self._read_for: tuple[SeenPoints | None, int] = (None, 0)
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickled or copied sampler needs; the rest follows from the trials."""
        return {
            "costs": self._costs_of,
            "seed": self._seed,
            "num_startup": self._engine.num_startup,
            "chosen": self._chosen,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew with it."""
        FrontierSampler.__init__(self, state["costs"], seed=state["seed"], num_startup=state["num_startup"])
        self._chosen = state["chosen"]

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Decide on a point, and return the distributions of its parameters.

        Raises:
            ValueError: the study has one objective only, or ``costs`` returns too few or too many.
            TypeError: ``costs`` returns what is no number.
        """
        if len(study.directions) < 2:
            raise ValueError(f"FrontierSampler needs at least 2 objectives, but got {len(study.directions)}")
        with self._lock:  # also while it is noted, or the next thread would not see it
            point = self._decide(study, trial)
            if point is None:
                return {}
            self._chosen[trial._trial_id] = point
            study._storage.set_trial_system_attr(trial._trial_id, POINT, dict(point.params))
        return dict(point.distributions)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters of the point that was decided on."""
        point = self._chosen.pop(trial._trial_id, None)
        known = {} if point is None else point.params
        return {name: value for name, value in known.items() if name in search_space}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a random value of a parameter that no trial has shown before.

        Of one that was proposed, but outside of the range that it has here, return the nearest there.
        """
        proposed = trial.system_attrs.get(POINT, {})
        if param_name in proposed and not isinstance(param_distribution, CategoricalDistribution):
            return clipped(param_distribution, proposed[param_name])
        seed = derive_seed(self._seed, trial.number, f"independent {param_name}")
        sampler = optuna.samplers.RandomSampler(seed=seed)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _decide(self, study: optuna.Study, trial: FrozenTrial) -> Point | None:
        trials = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        source = self._points_of(study, trials, _fixed_params(study, trial))
        if source is None:
            return None
        return self._engine.decide(source, self._tried(study, trials, source), trial.number).best

    def _points_of(self, study: optuna.Study, trials: list[FrozenTrial], fixed: Params) -> SeenPoints | None:
        """Return the points as far as trials have shown them; the same object until they show more."""
        over = (TrialState.COMPLETE, TrialState.PRUNED)
        trials = [trial for trial in trials if trial.state in over and trial.params]
        if not trials:
            return None
        seen = SeenPoints.of_trials(trials, lambda params: self._costs(study, params)).with_fixed(fixed)
        if self._source is None or not self._source.shows_the_same_as(seen):
            self._source = seen
        return self._source

    def _costs(self, study: optuna.Study, params: Params) -> tuple[float, ...] | None:
        """Return the costs of a point, to be minimised; None where they are not known.

        That is also where the function asks for parameters that the point does not have.
        """
        if self._costs_of is None:
            return None
        key = params_key(params)
        if key not in self._known_costs:
            self._known_costs[key] = self._asked_costs(params, len(study.directions) - 1)
        costs = self._known_costs[key]
        if costs is None:
            return None
        return tuple(sign * value for sign, value in zip(_signs(study)[1:], costs, strict=True))

    def _asked_costs(self, params: Params, num_costs: int) -> tuple[float, ...] | None:
        assert self._costs_of is not None
        try:
            found: Any = self._costs_of(_Params(params))
        except _NoParameterError as error:
            self._lacking[params_key(params)] = error.args[0]
            return None
        except (ArithmeticError, ValueError) as error:  # perhaps of a point that is never tried
            self._warn_of_failure(params, error)
            return None
        if found is None:
            return None
        values = tuple(found) if np.ndim(found) else (found,)  # also of a number of numpy's or torch's
        if len(values) != num_costs:
            raise ValueError(
                f"costs must return a value for each objective but the first, {num_costs} of them, or None, "
                f"but got {len(values)} for {dict(params)}"
            )
        try:
            known = [math.nan if value is None else float(value) for value in values]
        except OverflowError as error:
            self._warn_of_failure(params, error)
            return None
        except (TypeError, ValueError):
            raise TypeError(f"costs must return numbers or None, but got {found!r}") from None
        return tuple(value if is_sound(value) else math.nan for value in known)

    def _warn_of_failure(self, params: Params, error: ArithmeticError | ValueError) -> None:
        """Say once that ``costs`` cannot be computed somewhere."""
        if "" not in self._warned:
            self._warned.add("")
            warnings.warn(
                f"costs fails for {params}: {reason_of(error)}; they are taken as unknown there", stacklevel=2
            )

    def _warn_of_lack(self, trial: FrozenTrial) -> None:
        """Say once that ``costs`` asks for what a finished trial does not have: it may be a slip."""
        name = self._lacking.get(params_key(trial.params))
        if name is not None and name not in self._warned:
            self._warned.add(name)
            warnings.warn(
                f"costs asks for the parameter {name!r}, which trial {trial.number} does not have; its costs "
                "are taken as they were told",
                stacklevel=2,
            )

    def _tried(self, study: optuna.Study, trials: list[FrozenTrial], source: SeenPoints) -> list[Tried]:
        noted = (int(trial.user_attrs[CURVE]["epochs"]) for trial in trials if CURVE in trial.user_attrs)
        length = max(noted, default=1)
        if self._read_for[0] is not source or self._read_for[1] != length:
            self._read, self._read_for = {}, (source, length)
        found = []
        for trial in trials:
            before = self._read.get(trial.number)
            if before is not None and before[0] is trial:  # what has ended does not change
                one = before[1]
            else:
                one = self._read_trial(study, trial, source, length)
                if trial.state.is_finished():
                    self._read[trial.number] = trial, one
            if one is not None:
                found.append(one)
        return found

    def _read_trial(
        self, study: optuna.Study, trial: FrozenTrial, source: SeenPoints, length: int
    ) -> Tried | None:
        """Return what a trial says; None where it has not come to its parameters."""
        signs = _signs(study)
        params = next((each for each in _known_params(trial) if frozenset(each) in source.shapes), None)
        if params is None or trial.state not in _STATES:
            return None
        costs = self._costs(study, params)
        if trial.state == TrialState.COMPLETE:
            self._warn_of_lack(trial)
        has_result = True
        if trial.state == TrialState.COMPLETE:
            seen = [sign * value for sign, value in zip(signs[1:], trial.values[1:], strict=True)]
            counted = costs or (math.nan,) * len(seen)
            costs = tuple(b if math.isnan(a) else a for a, b in zip(counted, seen, strict=True))
            has_result = all(map(is_sound, (trial.values[0], *costs)))
        curve = _in_groups(_curve(trial, length), length)
        errors = {epoch: signs[0] * value for epoch, value in curve.items() if is_sound(value)}
        distributions = {name: source.distributions[name] for name in params}
        point = Point(params, distributions, params_key(params), costs)
        state = _STATES[trial.state]
        if not has_result or (not errors and (curve or state == "pruned")):
            state = "failed"  # also what was pruned without a word: it was of no use
        violations = {
            name: MOST if math.isnan(value) else min(max(value, -MOST), MOST)
            for name, value in trial.constraints.items()
        }
        losses = trial.user_attrs.get(CURVE, {}).get("losses", {})
        told = {int(epoch): float(loss) for epoch, loss in losses.items() if is_sound(loss)}
        told = _in_groups(told, length)
        return Tried(point, state, errors, costs, min(length, MOST_EPOCHS), violations, told)


def _fixed_params(study: optuna.Study, trial: FrozenTrial) -> Params:
    """Return the values that this trial will have whatever is proposed: enqueued ones, or a wrapper's."""
    fixed = dict(trial.system_attrs.get("fixed_params", {}))
    sampler: BaseSampler = study.sampler
    while isinstance(sampler, optuna.samplers.PartialFixedSampler):
        fixed = sampler._fixed_params | fixed
        sampler = sampler._base_sampler
    return fixed


def _known_params(trial: FrozenTrial) -> list[Params]:
    """Return what may be a trial's parameters, the likeliest first.

    One that runs, failed or was pruned may not have come to all of those that were proposed.
    """
    proposed = trial.system_attrs.get(POINT, {})
    is_kept = all(name in proposed and proposed[name] == value for name, value in trial.params.items())
    known = [trial.params, proposed]
    return known[::-1] if is_kept and trial.state != TrialState.COMPLETE else known


class _NoParameterError(KeyError):
    """A point does not have the parameter that was asked for."""


class _Params(dict[str, Any]):
    """A point's parameters, which tell when one is asked for that it does not have."""

    def __missing__(self, name: str) -> Any:
        raise _NoParameterError(name)


def _signs(study: optuna.Study) -> list[float]:
    return [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in study.directions]


def _curve(trial: FrozenTrial, length: int) -> dict[int, float]:
    """Return the first objective by epoch; a finished trial has its value at its last one."""
    noted = trial.user_attrs.get(CURVE)
    curve = {int(epoch): float(value) for epoch, value in noted["values"].items()} if noted else {}
    if trial.state == TrialState.COMPLETE:
        curve[max([noted["epochs"] if noted else length, *curve])] = trial.values[0]
    return curve


def _in_groups(curve: dict[int, float], length: int) -> dict[int, float]:
    """Return a curve of ``length`` epochs as one of at most ``MOST_EPOCHS``."""
    if length <= MOST_EPOCHS:
        return curve
    return {math.ceil(epoch * MOST_EPOCHS / length): curve[epoch] for epoch in sorted(curve)}
