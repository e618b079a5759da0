"""The frontier sampler of a search: an Optuna sampler over the frontier engine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from search.frontier.engine import Decision, Engine
from search.frontier.points import Params
from search.samplers.base import AskedSampler
from search.samplers.observations import Observations
from search.study.seeds import derive_seed


class NetworkFrontierSampler(BaseSampler):
    """Proposes the network with the highest expected hypervolume improvement per training time.

    It learns from every epoch of every trial, also of paused ones, for which Optuna's trials have no state. It
    therefore reads the ``Observations`` of the ledger beside the study. Costs that are measured count once they are
    known; before, they are predicted.
    """

    def __init__(self, observations: Observations, seed: int, rungs: Sequence[int] = ()) -> None:
        self._observations = observations
        self._seed = seed
        self._engine = Engine(seed, rungs=rungs)
        self._decision: tuple[int, bool, Decision] | None = None
        self._proposed: dict[int, Params] = {}

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Choose a network and return the distributions of its parameters; empty if there is no new one."""
        point = self._decide(may_start=True).best
        if point is None:
            return {}
        self._proposed[trial.number] = point.params
        return {name: self._observations.points.distributions[name] for name in point.params}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters of the chosen network."""
        return dict(self._proposed.pop(trial.number, {}))

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a random value, if there is no network to propose."""
        seed = derive_seed(self._seed, trial.number, f"independent {param_name}")
        return RandomSampler(seed=seed).sample_independent(study, trial, param_name, param_distribution)

    def best_to_continue(self, paused: Collection[int], *, may_start: bool) -> int | None:
        """Return the number of the paused trial to resume, or None (see ``ContinuationPolicy``)."""
        numbers = sorted(self._observations.trials)
        indices = [index for index, number in enumerate(numbers) if number in paused]
        index = self._decide(may_start=may_start).best_to_continue(indices)
        return None if index is None else numbers[index]

    def _decide(self, *, may_start: bool) -> Decision:
        """Return the decision after all observations so far; the same one until something changes."""
        version = self._observations.version
        if self._decision is None or self._decision[:2] != (version, may_start):
            trials = [one for _, one in sorted(self._observations.trials.items())]
            decision = self._engine.decide(
                self._observations.points,
                trials,
                len(trials),
                may_start=may_start,
                references=self._observations.references,
            )
            self._decision = version, may_start, decision
        return self._decision[2]


def frontier_sampler(observations: Observations, seed: int, rungs: Sequence[int] = ()) -> AskedSampler:
    """Return the frontier sampler of a search."""
    sampler = NetworkFrontierSampler(observations, seed, rungs)
    return AskedSampler(
        make=lambda _number, _attempt: sampler,
        make_for_adopted=lambda number: RandomSampler(seed=derive_seed(seed, number, "adopted")),
        policy=sampler,
    )
