"""What to try next: a sampler's proposals, until one is a network that is new and within the limits."""

from __future__ import annotations

import math
import random
import warnings
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from results.records import TrialRecord
from search.samplers import SamplerName, make_sampler
from search.seeds import derive_seed
from space.domains import Choice, IntRange, Value
from space.mgnet import MgNetSpec
from space.search_space import Params, SearchSpace

STARTUP_TRIALS = 10
"""Trials before the sampler is asked: networks spread evenly over log(parameters)."""
ASKS = 12
"""Times that a sampler is asked for one proposal before the space is searched at random instead."""
ASKS_GP = 2
"""The same for the Gaussian process, which takes about a second and, asked again, says nearly the same."""
RANDOM_DRAWS = 2_000
ENUMERABLE = 200_000
"""Spaces of up to so many points are searched through before they are called exhausted."""


@dataclass(frozen=True)
class Proposal:
    """A network to train, the point of the space it came from, and what the sampler notes about it."""

    spec: MgNetSpec
    knobs: Params
    sampler_attrs: dict[str, Any]


class Proposer:
    """Proposes networks that the study has not tried.

    The sampler works on a study of its own in memory, made from the ledger: there, everything is
    minimised (error and log parameters), ordered choices are ranks, and proposals that are turned away
    leave no trace in the user's study.
    """

    def __init__(self, space: SearchSpace, sampler: SamplerName, seed: int) -> None:
        self.space = space
        self.sampler = sampler
        self.seed = seed
        self._seen: set[str] = set()
        self._pending: dict[int, optuna.Trial] = {}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(directions=["minimize", "minimize"])

    def remember(self, record: TrialRecord, sampler_attrs: dict[str, Any]) -> None:
        """Take in a trial of an earlier run; one that was interrupted only counts as tried."""
        self._seen.add(record.arch)
        if record.val_accuracy is None:
            return
        distributions, params = self._as_ranks(record.knobs)
        trial = create_trial(
            state=TrialState.COMPLETE,
            values=_objectives(record),
            params=params,
            distributions=distributions,
            system_attrs=sampler_attrs,
        )
        self._study.add_trial(trial)

    def tell(self, record: TrialRecord) -> None:
        """Let the sampler know how a proposed trial ended."""
        trial = self._pending.pop(record.number, None)
        if trial is None:
            self.remember(record, {})
        elif record.val_accuracy is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, _objectives(record))

    def propose(self, number: int) -> Proposal | None:
        """Return a network for trial ``number``, or None if the space holds no further one."""
        startup = number < STARTUP_TRIALS and self.sampler != "random"
        proposal = self._spread(number) if startup else self._ask(number)
        proposal = proposal or self._search(number)
        if proposal is not None:
            self._seen.add(proposal.spec.arch)
        return proposal

    def _is_new(self, spec: MgNetSpec) -> bool:
        return spec.arch not in self._seen and self.space.over_limit(spec) is None

    def _spread(self, number: int, draws: int = 256) -> Proposal | None:
        """Of many random networks, the one nearest to this trial's place on the scale of log parameters.

        The places follow the van der Corput sequence, so that any number of them covers the scale; the
        first is the smallest network of the space.
        """
        low, high = (math.log(bound) for bound in self.space.params_range())
        target = low + (high - low) * _van_der_corput(number)
        rng = random.Random(derive_seed(self.seed, number, "startup"))
        points = [self.space.smallest_point(), *(self.space.sample(rng) for _ in range(draws))]
        candidates = [(self.space.spec(point), point) for point in points]
        new = [(spec, point) for spec, point in candidates if self._is_new(spec)]
        if not new:
            return None
        spec, point = min(new, key=lambda pair: abs(math.log(pair[0].params) - target))
        return Proposal(spec, point, {})

    def _ask(self, number: int) -> Proposal | None:
        for attempt in range(ASKS_GP if self.sampler == "gp" else ASKS):
            # a quasi-random sequence has one seed for the whole study: its place in it is in the study
            purpose = "sampler" if self.sampler == "qmc" else f"sampler {attempt}"
            seed = derive_seed(self.seed, 0 if self.sampler == "qmc" else number, purpose)
            self._study.sampler = make_sampler(self.sampler, seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                trial = self._study.ask()
                knobs, spec = self._suggest(trial)
            if self._is_new(spec):
                self._pending[number] = trial
                attrs = self._study.get_trials(deepcopy=False)[trial.number].system_attrs
                return Proposal(spec, knobs, dict(attrs))
            self._study.tell(trial, state=TrialState.FAIL)
        return None

    def _search(self, number: int) -> Proposal | None:
        rng = random.Random(derive_seed(self.seed, number, "random"))
        for _ in range(RANDOM_DRAWS):
            point = self.space.sample(rng)
            if self._is_new(spec := self.space.spec(point)):
                return Proposal(spec, point, {})
        if self.space.size() <= ENUMERABLE:
            for point in self.space.points():
                if self._is_new(spec := self.space.spec(point)):
                    return Proposal(spec, point, {})
        return None

    def _suggest(self, trial: optuna.Trial) -> tuple[Params, MgNetSpec]:
        knobs: Params = {}

        def choose(knob: str, domain: Choice | IntRange) -> Value:
            distribution = _distribution(domain)
            if isinstance(distribution, IntDistribution):
                rank = trial.suggest_int(knob, distribution.low, distribution.high)
                knobs[knob] = sorted(domain.values())[rank]
            else:
                assert isinstance(distribution, CategoricalDistribution)
                knobs[knob] = str(trial.suggest_categorical(knob, distribution.choices))
            return knobs[knob]

        return knobs, self.space.draw(choose)

    def _as_ranks(self, knobs: Params) -> tuple[dict[str, BaseDistribution], dict[str, Any]]:
        distributions: dict[str, BaseDistribution] = {}
        params: dict[str, Any] = {}

        def choose(knob: str, domain: Choice | IntRange) -> Value:
            distributions[knob] = _distribution(domain)
            ordered = isinstance(distributions[knob], IntDistribution)
            params[knob] = sorted(domain.values()).index(knobs[knob]) if ordered else knobs[knob]
            return knobs[knob]

        self.space.draw(choose)
        return distributions, params


def _distribution(domain: Choice | IntRange) -> BaseDistribution:
    """Numbers become their rank, which keeps their order without their spacing; words stay categories."""
    values = domain.values()
    if all(isinstance(value, int) for value in values):
        return IntDistribution(0, len(values) - 1)
    return CategoricalDistribution(tuple(values))


def _objectives(record: TrialRecord) -> list[float]:
    assert record.val_accuracy is not None
    return [1.0 - record.val_accuracy, math.log(record.params)]


def _van_der_corput(index: int) -> float:
    """Return the index-th number of the base-2 low-discrepancy sequence 0, 1/2, 1/4, 3/4, ..."""
    value, denominator = 0.0, 1.0
    while index:
        index, bit = divmod(index, 2)
        denominator *= 2
        value += bit / denominator
    return value
