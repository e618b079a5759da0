"""What to try next: a sampler's proposals, until one is a network that is new and within the limits."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from results.records import TrialRecord
from search.quiet import quiet_optuna
from search.samplers import SamplerName, make_sampler
from search.seeds import derive_seed
from space.domains import Choice, IntRange, Value
from space.mgnet import MgNetSpec
from space.search_space import Point, SearchSpace

STARTUP_TRIALS = 10
"""Trials before the sampler is asked: networks spread evenly over log(parameters)."""
ASKS = 12
"""Times that a sampler is asked for one proposal before the space is searched at random instead."""
ASKS_GP = 2
"""The same for the Gaussian process, which takes about a second and, asked again, says nearly the same."""
SPREAD_DRAWS = 256
RANDOM_DRAWS = 1_000
"""Before the whole space is gone through, from its smallest networks on."""


@dataclass(frozen=True)
class Proposal:
    """A network to train, the point of the space it came from, and what the sampler notes about it."""

    spec: MgNetSpec
    knobs: Point
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
        self._interrupted_attrs: dict[int, dict[str, Any]] = {}
        self._rest = space.feasible_points()
        with quiet_optuna():
            self._study = optuna.create_study(directions=["minimize", "minimize"])

    def remember(self, record: TrialRecord, sampler_attrs: dict[str, Any]) -> None:
        """Take in a trial of an earlier run; one that was interrupted only counts as tried so far."""
        self._seen.add(record.arch)
        if record.state == "running":
            self._interrupted_attrs[record.number] = sampler_attrs
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
        """Let the sampler know how a trial ended, one proposed here or one of an earlier run."""
        trial = self._pending.pop(record.number, None)
        if trial is None:
            self.remember(record, self._interrupted_attrs.pop(record.number, {}))
        elif record.val_accuracy is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, _objectives(record))

    def propose(self, number: int) -> Proposal | None:
        """Return a network for trial ``number``, or None if the space holds no further one."""
        spread = number < STARTUP_TRIALS and self.sampler != "random"
        point = self._spread(number) if spread else None
        proposal = self._ask(number) if point is None else self._adopt(number, point)
        if proposal is None:
            point = self._search(number)
            proposal = None if point is None else self._adopt(number, point)
        if proposal is not None:
            self._seen.add(proposal.spec.arch)
        return proposal

    def _is_new(self, spec: MgNetSpec) -> bool:
        return spec.arch not in self._seen and self.space.over_limit(spec) is None

    def _spread(self, number: int) -> Point | None:
        """Of many random networks, the one nearest to this trial's place on the scale of log parameters.

        The places follow the van der Corput sequence, so that any number of them covers the scale; the
        first is the smallest network of the space.
        """
        low, high = (math.log(bound) for bound in self.space.params_range())
        target = low + (high - low) * _van_der_corput(number)
        rng = random.Random(derive_seed(self.seed, number, "startup"))
        points = [self.space.smallest_point(), *(self.space.sample(rng) for _ in range(SPREAD_DRAWS))]
        new = [(spec, point) for point in points if self._is_new(spec := self.space.spec(point))]
        if not new:
            return None
        return min(new, key=lambda pair: abs(math.log(pair[0].params) - target))[1]

    def _ask(self, number: int) -> Proposal | None:
        for attempt in range(ASKS_GP if self.sampler == "gp" else ASKS):
            self._study.sampler = self._sampler_of(number, attempt)
            proposal = self._suggest(number)
            if self._is_new(proposal.spec):
                return proposal
            self._study.tell(self._pending.pop(number), state=TrialState.FAIL)
        return None

    def _sampler_of(self, number: int, attempt: int) -> optuna.samplers.BaseSampler:
        if self.sampler == "qmc":  # its place in the sequence is in its study, and its seed is one for all
            return make_sampler("qmc", derive_seed(self.seed, 0, "sampler"))
        return make_sampler(self.sampler, derive_seed(self.seed, number, f"sampler {attempt}"))

    def _search(self, number: int) -> Point | None:
        """A new network by chance, else the next of all that the limits allow; None if there is none."""
        rng = random.Random(derive_seed(self.seed, number, "random"))
        draws = (self.space.sample(rng) for _ in range(RANDOM_DRAWS))
        for point in itertools.chain(draws, self._rest):
            if self._is_new(self.space.spec(point)):
                return point
        return None

    def _adopt(self, number: int, point: Point) -> Proposal:
        """Make a point that the sampler did not choose a pending trial of its study all the same."""
        seed = derive_seed(self.seed, number, "adopted")
        # a sampler that knows no trial yet may fail; generations, though, are counted from the first
        name = self.sampler if self.sampler in ("nsga2", "nsga3") else "random"
        self._study.sampler = make_sampler(name, seed)
        self._study.enqueue_trial(self._as_ranks(point)[1])
        return self._suggest(number)

    def _suggest(self, number: int) -> Proposal:
        """Ask the study for a trial, note it as pending, and return it as a proposal."""
        knobs: Point = {}
        with quiet_optuna():
            trial = self._study.ask()

            def choose(knob: str, domain: Choice | IntRange) -> Value:
                distribution = _distribution(domain)
                if isinstance(distribution, IntDistribution):
                    rank = trial.suggest_int(knob, distribution.low, distribution.high)
                    knobs[knob] = domain.value_of_rank(rank)
                else:
                    assert isinstance(distribution, CategoricalDistribution)
                    knobs[knob] = str(trial.suggest_categorical(knob, distribution.choices))
                return knobs[knob]

            spec = self.space.draw(choose)
        self._pending[number] = trial
        sampler = self._study.sampler
        if isinstance(sampler, optuna.samplers.BaseGASampler):
            # a generation counts only trials that have its number, and Optuna gives enqueued ones none
            sampler.get_trial_generation(self._study, self._study.get_trials(deepcopy=False)[trial.number])
        attrs = self._study.get_trials(deepcopy=False)[trial.number].system_attrs
        kept = {key: value for key, value in attrs.items() if key != "fixed_params"}
        return Proposal(spec, knobs, kept)

    def _as_ranks(self, knobs: Point) -> tuple[dict[str, BaseDistribution], dict[str, Any]]:
        distributions: dict[str, BaseDistribution] = {}
        params: dict[str, Any] = {}

        def choose(knob: str, domain: Choice | IntRange) -> Value:
            distributions[knob] = _distribution(domain)
            ordered = isinstance(distributions[knob], IntDistribution)
            params[knob] = domain.rank(knobs[knob]) if ordered else knobs[knob]
            return knobs[knob]

        self.space.draw(choose)
        return distributions, params


def _distribution(domain: Choice | IntRange) -> BaseDistribution:
    """Numbers become their rank, which keeps their order without their spacing; words stay categories."""
    values = domain.values()
    if isinstance(values[0], int):
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
