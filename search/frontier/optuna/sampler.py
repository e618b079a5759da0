"""The frontier sampler for any Optuna study."""

from __future__ import annotations

import random
import threading
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search.frontier.config import DEFAULTS
from search.frontier.engine import Engine
from search.frontier.optuna.dynamic_ranges import clipped
from search.frontier.optuna.known_costs import Costs, KnownCosts
from search.frontier.optuna.observed_space import ObservedSpace
from search.frontier.optuna.trials import POINT, TrialReader, integer
from search.frontier.points import Params, Point
from search.study.seeds import derive_seed


class FrontierSampler(BaseSampler):
    """Proposes the point with the highest expected hypervolume improvement per training time.

    The first objective is learned, the others are *costs*. Every trial counts: complete ones, running ones (the models
    are conditioned on their predicted results), failed ones and those that violate constraints. Recorded epochs count
    too, also those of pruned trials, whose unknown costs are predicted. ``EarlyStopping`` and ``note_epoch`` record
    them; with one objective, ``Trial.report`` does too. Values that are not finite count as failures. A study with one
    objective is searched by expected improvement.

    Values fixed by ``enqueue_trial`` or ``PartialFixedSampler`` are part of the proposal. Threads may share a sampler.
    The same seed and trials give the same proposal.

    Source: expected hypervolume improvement (Emmerich, Giannakoglou, Naujoks 2006) with one uncertain objective.

    Args:
        costs: Returns the values of all objectives but the first from a trial's parameters, before the trial runs.
            None, or None for one of them, means that it is learned. Errors of arithmetic count as unknown, with one
            warning.
        seed: Seed of the proposals.
        num_initial: Trials of the initial design.

    Raises:
        TypeError: ``costs`` is not a function, or ``seed`` or ``num_initial`` is not an integer.
        ValueError: ``num_initial`` is below 1.

    Example:
        >>> import optuna
        >>> sampler = FrontierSampler(costs=lambda params: params["width"] ** 2, seed=0)
        >>> study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    """

    def __init__(
        self,
        costs: Costs | None = None,
        *,
        seed: int | None = None,
        num_initial: int = DEFAULTS.num_initial,
    ) -> None:
        self._seed = random.SystemRandom().randrange(2**31) if seed is None else integer("seed", seed)
        self._costs = KnownCosts(costs)
        self._engine = Engine(self._seed, integer("num_initial", num_initial, least=1))
        self._proposals: dict[int, Params] = {}
        self._space: ObservedSpace | None = None
        self._reader = TrialReader(self._costs)
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Return the arguments and open proposals; the rest follows from the trials."""
        return {
            "costs": self._costs.function,
            "seed": self._seed,
            "num_initial": self._engine.num_initial,
            "proposals": self._proposals,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the sampler from ``__getstate__``."""
        FrontierSampler.__init__(self, state["costs"], seed=state["seed"], num_initial=state["num_initial"])
        self._proposals = state["proposals"]

    def reseed_rng(self) -> None:
        """Do nothing: proposals derive from the seed and the trial's number, also in parallel workers."""

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Choose a point and return the distributions of its parameters.

        Raises:
            ValueError: ``costs`` returns too few or too many values.
            TypeError: ``costs`` returns something other than numbers and None.
        """
        with self._lock:  # other threads must see the proposal before they choose
            chosen = self._decide(study, trial)
            if chosen is None:
                return {}
            space, point = chosen
            self._proposals[trial._trial_id] = point.params
            study._storage.set_trial_system_attr(trial._trial_id, POINT, dict(point.params))
        return {name: space.distributions[name] for name in point.params}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters of the chosen point; choose one first if nothing was inferred for this trial."""
        proposed = self._proposals.pop(trial._trial_id, None)
        if proposed is None and search_space:
            with self._lock:
                chosen = self._decide(study, trial)
            proposed = None if chosen is None else chosen[1].params
        return {name: value for name, value in (proposed or {}).items() if name in search_space}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a random value of a parameter that no trial has shown yet.

        A proposed value outside the actual range is clipped to it.
        """
        proposed = trial.system_attrs.get(POINT, {})
        if param_name in proposed and not isinstance(param_distribution, CategoricalDistribution):
            return clipped(param_distribution, proposed[param_name])
        seed = derive_seed(self._seed, trial.number, f"independent {param_name}")
        sampler = optuna.samplers.RandomSampler(seed=seed)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _decide(self, study: optuna.Study, trial: FrozenTrial) -> tuple[ObservedSpace, Point] | None:
        trials = [one for one in study.get_trials(deepcopy=False) if one.number != trial.number]
        space = self._observed_space(study, trials, _fixed_params(study, trial))
        if space is None:
            return None
        observations = self._reader.observations(study, trials, space)
        complete = [one for one in trials if one.state == TrialState.COMPLETE]
        self._costs.warn_of_missing(complete)
        self._costs.warn_of_difference(study, complete)
        point = self._engine.decide(space, observations, trial.number).best
        return None if point is None else (space, point)

    def _observed_space(
        self, study: optuna.Study, trials: list[FrozenTrial], fixed: Params
    ) -> ObservedSpace | None:
        """Return the space that trials have shown; the same object until they show more."""
        ended = (TrialState.COMPLETE, TrialState.PRUNED)
        trials = [trial for trial in trials if trial.state in ended and trial.params]
        if not trials:
            return None
        space = ObservedSpace.of_trials(trials, lambda params: self._costs(study, params)).with_fixed(fixed)
        if self._space is None or not self._space.is_same_space(space):
            self._space = space
        return self._space


def _fixed_params(study: optuna.Study, trial: FrozenTrial) -> Params:
    """Return the values of this trial that the sampler cannot choose: enqueued or fixed by a wrapper."""
    fixed = dict(trial.system_attrs.get("fixed_params", {}))
    sampler: BaseSampler = study.sampler
    while isinstance(sampler, optuna.samplers.PartialFixedSampler):
        fixed = sampler._fixed_params | fixed
        sampler = sampler._base_sampler
    return fixed
