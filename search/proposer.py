"""What to try next: a sampler's proposals, until one is a network that is new and within the limits."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState, create_trial

from results.records import TrialRecord
from search.encoding import distribution_of, encode, suggest
from search.quiet import quiet_optuna
from search.samplers import SamplerName, make_sampler
from search.seeds import derive_seed
from space.domains import Domain, Value
from space.drawing import draw_knobs
from space.search_space import Point, SearchSpace
from space.spec import Spec

STARTUP_TRIALS = 10
"""Trials before the sampler is asked: networks spread evenly over log(parameters)."""
ASKS = 12
"""Times that a sampler is asked for one proposal before the space is searched at random instead."""
ASKS_GP = 2
"""The same for the Gaussian process, which takes about a second and, asked again, says nearly the same."""
SPREAD_DRAWS = 256
SPREAD_FEASIBLE = 32
"""Of the former, so many are made to fit the limits if too few do by themselves."""
RANDOM_DRAWS = 1_000
RANDOM_SHRUNK = 200
"""Before the whole space is gone through, from its smallest networks on."""
MOST_WALKED = 100_000
"""Points looked at in vain before a space counts as exhausted: some ten seconds."""


@dataclass(frozen=True)
class Proposal:
    """A network to train, the point of the space it came from, and what the sampler notes about it.

    ``training`` holds the keys of the study's ``[train]`` section that the point sets.
    """

    spec: Spec
    knobs: Point
    training: dict[str, Value]
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
        self._num_trials = 0
        self._pending: dict[int, optuna.Trial] = {}
        self._interrupted_attrs: dict[int, dict[str, Any]] = {}
        self._rest = space.feasible_points(patience=MOST_WALKED)
        with quiet_optuna():
            self._study = optuna.create_study(directions=["minimize", "minimize"])

    def remember(self, record: TrialRecord, sampler_attrs: dict[str, Any]) -> None:
        """Take in a trial of an earlier run; one that was interrupted only counts as tried so far.

        References are no points of the space, and nothing is learned from them.
        """
        if record.reference is not None:
            return
        self._num_trials += 1
        self._take_in(record, sampler_attrs)

    def _take_in(self, record: TrialRecord, sampler_attrs: dict[str, Any]) -> None:
        self._seen.add(_identity(record.arch, record.training))
        if record.state == "running":
            self._interrupted_attrs[record.number] = sampler_attrs
        if record.val_accuracy is None:
            return
        distributions, params = self._encoded(record.knobs)
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
        if record.reference is not None:
            return
        if trial is None:
            self._take_in(record, self._interrupted_attrs.pop(record.number, {}))
        elif record.val_accuracy is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, _objectives(record))

    def propose(self, number: int) -> Proposal | None:
        """Return a network for trial ``number``, or None if the space holds no further one."""
        spread = self._num_trials < STARTUP_TRIALS and self.sampler != "random"
        point = self._spread(number) if spread else None
        proposal = self._ask(number) if point is None else self._adopt(number, point)
        if proposal is None:
            point = self._search(number)
            proposal = None if point is None else self._adopt(number, point)
        if proposal is not None:
            self._seen.add(_identity(proposal.spec.arch, proposal.training))
            self._num_trials += 1
        return proposal

    def _is_new(self, point: Point) -> bool:
        """Whether a point is within the limits and its network, trained in its way, was not tried before."""
        spec = self.space.feasible_spec(point)
        return spec is not None and _identity(spec.arch, self.space.training(point)) not in self._seen

    def _spread(self, number: int) -> Point | None:
        """Of many random networks, the one nearest to this trial's place on the scale of log parameters.

        The places follow the van der Corput sequence, so that any number of them covers the scale; the
        first is the smallest network of the space.
        """
        low, high = (math.log(bound) for bound in self.space.params_range())
        target = low + (high - low) * _van_der_corput(self._num_trials)
        rng = random.Random(derive_seed(self.seed, number, "startup"))
        points = [self.space.smallest_point(), *(self.space.sample(rng) for _ in range(SPREAD_DRAWS))]
        new = [point for point in points if self._is_new(point)]
        for point in itertools.islice(points, max(0, SPREAD_FEASIBLE - len(new))):
            smaller = self.space.shrunk(point, rng)
            if smaller is not None and smaller != point and self._is_new(smaller):
                new.append(smaller)
        if not new:
            return None
        return min(new, key=lambda point: abs(math.log(self._params(point)) - target))

    def _params(self, point: Point) -> int:
        return self.space.counts(self.space.spec(point)).params

    def _ask(self, number: int) -> Proposal | None:
        """Ask the sampler until it proposes something new within the limits.

        If it never does, the first proposal beyond the limits is made smaller until it is within them.
        """
        beyond: Point | None = None
        for attempt in range(ASKS_GP if self.sampler == "gp" else ASKS):
            self._study.sampler = self._sampler_of(number, attempt)
            knobs, attrs = self._suggest(number)
            if self._is_new(knobs):
                return self._proposal(knobs, attrs)
            if beyond is None and not self.space.is_feasible(knobs):
                beyond = knobs
            self._study.tell(self._pending.pop(number), state=TrialState.FAIL)
        if beyond is None:
            return None
        rng = random.Random(derive_seed(self.seed, number, "shrunk"))
        smaller = self.space.shrunk(beyond, rng)
        return self._adopt(number, smaller) if smaller is not None and self._is_new(smaller) else None

    def _sampler_of(self, number: int, attempt: int) -> optuna.samplers.BaseSampler:
        if self.sampler == "qmc":  # its place in the sequence is in its study, and its seed is one for all
            return make_sampler("qmc", derive_seed(self.seed, 0, "sampler"))
        return make_sampler(self.sampler, derive_seed(self.seed, number, f"sampler {attempt}"))

    def _search(self, number: int) -> Point | None:
        """A new network by chance, else the next of all that the limits allow; None if there is none."""
        rng = random.Random(derive_seed(self.seed, number, "random"))
        walked = itertools.islice(self._rest, MOST_WALKED)
        for point in itertools.chain(self._random_points(rng), walked):
            if self._is_new(point):
                return point
        return None

    def _random_points(self, rng: random.Random) -> Iterator[Point]:
        """Yield points as they are drawn, then some that are made to fit the limits."""
        for _ in range(RANDOM_DRAWS):
            yield self.space.sample(rng)
        for _ in range(RANDOM_SHRUNK if self.space.has_limits else 0):
            smaller = self.space.shrunk(self.space.sample(rng), rng)
            if smaller is not None:
                yield smaller

    def _adopt(self, number: int, point: Point) -> Proposal:
        """Make a point that the sampler did not choose a pending trial of its study all the same."""
        seed = derive_seed(self.seed, number, "adopted")
        # a sampler that knows no trial yet may fail; generations, though, are counted from the first
        name = self.sampler if self.sampler in ("nsga2", "nsga3") else "random"
        self._study.sampler = make_sampler(name, seed)
        self._study.enqueue_trial(self._encoded(point)[1])
        return self._proposal(*self._suggest(number))

    def _proposal(self, knobs: Point, sampler_attrs: dict[str, Any]) -> Proposal:
        return Proposal(self.space.spec(knobs), knobs, self.space.training(knobs), sampler_attrs)

    def _suggest(self, number: int) -> tuple[Point, dict[str, Any]]:
        """Ask the study for a trial, note it as pending, and return its point and the sampler's notes."""
        knobs: Point = {}
        with quiet_optuna():
            trial = self._study.ask()

            def choose(knob: str, domain: Domain) -> Value:
                knobs[knob] = suggest(trial, knob, domain)
                return knobs[knob]

            draw_knobs(self.space.config, choose)
        self._pending[number] = trial
        sampler = self._study.sampler
        if isinstance(sampler, optuna.samplers.BaseGASampler):
            # a generation counts only trials that have its number, and Optuna gives enqueued ones none
            sampler.get_trial_generation(self._study, self._study.get_trials(deepcopy=False)[trial.number])
        attrs = self._study.get_trials(deepcopy=False)[trial.number].system_attrs
        kept = {key: value for key, value in attrs.items() if key != "fixed_params"}
        return knobs, kept

    def _encoded(self, knobs: Point) -> tuple[dict[str, BaseDistribution], dict[str, Any]]:
        domains = self.space.knobs_of(knobs)
        distributions = {knob: distribution_of(domain) for knob, domain in domains.items()}
        return distributions, {knob: encode(domain, knobs[knob]) for knob, domain in domains.items()}


def _identity(arch: str, training: dict[str, Value]) -> str:
    """Return what a trial tries: a network, and what is special in its training."""
    return f"{arch} {json.dumps(training, sort_keys=True)}" if training else arch


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
