"""Ask and tell: every sampler of a search works on one Optuna study in memory, rebuilt from the ledger."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from results.storage.records import EpochReport, TrialRecord
from search.frontier.initial_design import van_der_corput
from search.frontier.models.learning_curves import as_rows, final_values
from search.frontier.observation import Observation
from search.samplers.encoding import distribution_of, encode, suggest
from search.samplers.observations import Observations, identity
from search.samplers.quiet import quiet_optuna
from search.schedulers.base import ContinuationPolicy
from search.study.seeds import derive_seed
from space.decision_tree import draw_hyperparameters
from space.domains import Domain, Value
from space.networks.spec import Spec
from space.search_space import Point, SearchSpace

FAILED = "failed"
"""The constraint that failed trials violate in the study of Optuna's own samplers."""
RANDOM_DRAWS, RANDOM_SHRUNK = 1_000, 200
"""Random points tried, and random points shrunk to the limits, before the whole space is enumerated."""
MAX_ENUMERATED = 100_000
"""Points enumerated in vain until the space counts as exhausted: about ten seconds."""
INITIAL_DRAWS, INITIAL_SHRUNK = 256, 32
"""Random points of which the nearest to the wanted size is taken, and how many of them may be shrunk."""


@dataclass(frozen=True)
class Proposal:
    """A network to train.

    Attributes:
        spec: The network.
        hyperparameters: The point of the search space that it comes from.
        training: Keys of the ``[train]`` section that the point sets.
        sampler_attrs: System attributes that the sampler has set on Optuna's trial.
    """

    spec: Spec
    hyperparameters: Point
    training: dict[str, Value]
    sampler_attrs: dict[str, Any]


@dataclass(frozen=True)
class AskedSampler:
    """A sampler of a search, and how it is asked.

    Attributes:
        make: Returns the sampler for (trial number, attempt).
        make_for_adopted: Returns the sampler that completes a trial whose parameters are given, for a trial number.
        num_initial: Trials before the sampler is asked, spread evenly over log(parameters).
        max_asks: Attempts to get a new network within the limits, before a random one is taken.
        learns_from_study: Whether the sampler learns from the values of complete trials alone, as Optuna's own do.
            Unfinished trials then enter the study as complete, with their extrapolated final error.
        policy: Decides which paused training to resume, if the sampler can tell.
    """

    make: Callable[[int, int], BaseSampler]
    make_for_adopted: Callable[[int], BaseSampler]
    num_initial: int = 0
    max_asks: int = 1
    learns_from_study: bool = False
    policy: ContinuationPolicy | None = None


class AskTell(Protocol):
    """What a driver needs of a sampler: a network for each new trial."""

    @property
    def policy(self) -> ContinuationPolicy | None:
        """What decides which paused training to resume, if the sampler can tell."""
        ...

    def restore(self, record: TrialRecord, reports: Sequence[EpochReport] = ()) -> None:
        """Add a trial of an earlier run with its epochs so far."""
        ...

    def report(self, record: TrialRecord, report: EpochReport) -> None:
        """Add an epoch of a trial."""
        ...

    def tell(self, record: TrialRecord) -> None:
        """Update a trial that has ended, was paused or resumed, or was measured."""
        ...

    def ask(self, number: int) -> Proposal | None:
        """Return a network for trial ``number``; None if the space is exhausted."""
        ...


class StudyAskTell:
    """Asks a sampler for networks that the study has not tried, within the limits.

    A trial begins with ``ask`` and ends with ``tell`` on an Optuna study in memory. All objectives are minimised
    there: error, and the logarithm of each cost. Rejected proposals leave no trace in the ledger. The object is told of
    every trial in the order of their numbers, and of references, which are not trials of that study.
    """

    def __init__(
        self, space: SearchSpace, seed: int, sampler: AskedSampler, observations: Observations
    ) -> None:
        self.space = space
        self.seed = seed
        self.sampler = sampler
        self.observations = observations
        self._seen: set[str] = set()
        self._remaining = space.feasible_points(patience=MAX_ENUMERATED)
        self._pending: dict[int, optuna.Trial] = {}
        self._attrs: dict[int, dict[str, Any]] = {}
        self._study = _new_study(observations.num_costs)
        self._is_stale = False

    @property
    def policy(self) -> ContinuationPolicy | None:
        """What decides which paused training to resume, if the sampler can tell."""
        return self.sampler.policy

    # -- what is known -----------------------------------------------------------------------------------

    def restore(self, record: TrialRecord, reports: Sequence[EpochReport] = ()) -> None:
        """Add a trial of an earlier run with its epochs so far."""
        self.observations.restore(record, reports)
        if record.reference is None:
            self._seen.add(identity(record.arch, record.training))
            self._attrs[record.number] = record.sampler_attrs
            self._is_stale = True

    def report(self, record: TrialRecord, report: EpochReport) -> None:
        """Add an epoch of a trial."""
        self.observations.report(record, report)

    def tell(self, record: TrialRecord) -> None:
        """Update a trial that has ended, was paused or resumed, or was measured."""
        self.observations.tell(record)
        if record.reference is None:
            self._tell_study(record)

    def _tell_study(self, record: TrialRecord) -> None:
        trial = self._pending.get(record.number)
        if self.sampler.learns_from_study and record.state in ("paused", "stopped", "failed"):
            self._is_stale = True  # extrapolated: the study is rebuilt before the next ask
        if trial is None or self._is_stale:
            self._is_stale = True
        elif record.state == "complete":
            observation = self.observations.trials[record.number]
            values = [_last_error(observation), *np.log(self._costs([observation])[0])]
            self._study.tell(self._pending.pop(record.number), values)
        elif record.state in ("stopped", "failed"):
            state = TrialState.PRUNED if record.state == "stopped" else TrialState.FAIL
            self._study.tell(self._pending.pop(record.number), state=state)

    # -- the next network --------------------------------------------------------------------------------

    def ask(self, number: int) -> Proposal | None:
        """Return a network for trial ``number``; None if the space is exhausted."""
        proposal = self._choose(number)
        if proposal is None:
            point = self._random_point(number)
            proposal = None if point is None else self._adopt(number, point)
        if proposal is not None:
            self._seen.add(identity(proposal.spec.arch, proposal.training))
            self._attrs[number] = proposal.sampler_attrs
            self.observations.begin(number, proposal.hyperparameters)
        return proposal

    def _choose(self, number: int) -> Proposal | None:
        """Return the choice of the initial design or the sampler; None if neither finds a new network."""
        self._rebuild_study()
        if len(self.observations.trials) < self.sampler.num_initial:
            point = self._initial_point(number)
            if point is not None:
                return self._adopt(number, point)
        return self._ask_sampler(number)

    def _ask_sampler(self, number: int) -> Proposal | None:
        """Ask until a proposal is new and within the limits; else shrink the first one beyond the limits."""
        beyond: Point | None = None
        for attempt in range(self.sampler.max_asks):
            self._study.sampler = self.sampler.make(number, attempt)
            hyperparameters, attrs = self._suggest(number)
            if self._is_new(hyperparameters):
                return self._proposal(hyperparameters, attrs)
            if beyond is None and not self.space.is_feasible(hyperparameters):
                beyond = hyperparameters
            self._study.tell(self._pending.pop(number), state=TrialState.FAIL)
        if beyond is None:
            return None
        smaller = self.space.shrunk(beyond, random.Random(derive_seed(self.seed, number, "shrunk")))
        return self._adopt(number, smaller) if smaller is not None and self._is_new(smaller) else None

    def _adopt(self, number: int, point: Point) -> Proposal:
        """Return a proposal of a point that the sampler did not choose."""
        self._study.sampler = self.sampler.make_for_adopted(number)
        self._study.enqueue_trial(self._encoded(point)[1])
        return self._proposal(*self._suggest(number))

    def _suggest(self, number: int) -> tuple[Point, dict[str, Any]]:
        """Ask the study for a trial; return its point and the sampler's attributes."""
        hyperparameters: Point = {}
        with quiet_optuna():
            trial = self._study.ask()

            def choose(hyperparameter: str, domain: Domain) -> Value:
                hyperparameters[hyperparameter] = suggest(trial, hyperparameter, domain)
                return hyperparameters[hyperparameter]

            draw_hyperparameters(self.space.config, choose)
        self._pending[number] = trial
        sampler = self._study.sampler
        if isinstance(sampler, optuna.samplers.BaseGASampler):
            # Optuna gives enqueued trials no generation, and a generation counts only trials that have one
            sampler.get_trial_generation(self._study, self._study.get_trials(deepcopy=False)[trial.number])
        attrs = self._study.get_trials(deepcopy=False)[trial.number].system_attrs
        return hyperparameters, {key: value for key, value in attrs.items() if key != "fixed_params"}

    def _proposal(self, hyperparameters: Point, sampler_attrs: dict[str, Any]) -> Proposal:
        return Proposal(
            self.space.spec(hyperparameters),
            hyperparameters,
            self.space.training(hyperparameters),
            sampler_attrs,
        )

    def _is_new(self, point: Point) -> bool:
        """Return whether a point is within the limits, and its network was not trained this way before."""
        spec = self.space.feasible_spec(point)
        return spec is not None and identity(spec.arch, self.space.training(point)) not in self._seen

    # -- points that the sampler does not choose ---------------------------------------------------------

    def _initial_point(self, number: int) -> Point | None:
        """Return the random network whose size is nearest to a place of the van der Corput sequence.

        The sequence covers the scale of log(parameters) evenly. The first network is the smallest of the space.
        """
        low, high = (math.log(bound) for bound in self.space.params_range())
        target = low + (high - low) * van_der_corput(len(self.observations.trials))
        rng = random.Random(derive_seed(self.seed, number, "startup"))
        points = [self.space.smallest_point(), *(self.space.sample(rng) for _ in range(INITIAL_DRAWS))]
        new = [point for point in points if self._is_new(point)]
        for point in itertools.islice(points, max(0, INITIAL_SHRUNK - len(new))):
            smaller = self.space.shrunk(point, rng)
            if smaller is not None and smaller != point and self._is_new(smaller):
                new.append(smaller)
        return min(new, key=lambda point: abs(math.log(self._params(point)) - target)) if new else None

    def _params(self, point: Point) -> int:
        return self.space.counts(self.space.spec(point)).params

    def _random_point(self, number: int) -> Point | None:
        """Return a random new network, else the next one of the enumeration; None if there is none."""
        rng = random.Random(derive_seed(self.seed, number, "random"))
        remaining = itertools.islice(self._remaining, MAX_ENUMERATED)
        points = itertools.chain(self._random_points(rng), remaining)
        return next((point for point in points if self._is_new(point)), None)

    def _random_points(self, rng: random.Random) -> Iterator[Point]:
        for _ in range(RANDOM_DRAWS):
            yield self.space.sample(rng)
        for _ in range(RANDOM_SHRUNK if self.space.has_limits else 0):
            smaller = self.space.shrunk(self.space.sample(rng), rng)
            if smaller is not None:
                yield smaller

    # -- the study in memory -----------------------------------------------------------------------------

    def _rebuild_study(self) -> None:
        """Rebuild the study if a trial has changed in a way that Optuna's interface does not allow."""
        if not self._is_stale:
            return
        self._study, self._pending, self._is_stale = _new_study(self.observations.num_costs), {}, False
        trials = self.observations.trials
        values = self._values() if self.sampler.learns_from_study else self._known_values()
        has_failed = any(one.state == FAILED for one in trials.values())
        for (number, one), row in zip(trials.items(), values, strict=True):
            violation = (1.0 if one.state == "failed" else -1.0) if has_failed else None
            self._study.add_trial(self._frozen(number, one, row, violation))
            if one.state in ("running", "paused"):
                last = self._study.get_trials(deepcopy=False)[-1]
                if last.state == TrialState.RUNNING:
                    self._pending[number] = optuna.Trial(self._study, last._trial_id)
            # the value of a failed trial is the worst so far, which may change
            self._is_stale |= self.sampler.learns_from_study and one.state in ("paused", "failed")

    def _values(self) -> list[list[float]]:
        """Return the objectives of every trial: extrapolated if unfinished, the worst so far if failed."""
        trials = list(self.observations.trials.values())
        length = max([self.observations.epochs, *(max(one.errors, default=0) for one in trials)])
        curves = as_rows([one.errors for one in trials], length)
        costs = np.log(self._costs(trials))
        is_final = np.array([one.state == "complete" for one in trials], dtype=bool)
        finals = final_values(curves, costs, is_final).values
        has_failed = np.array([one.state == "failed" for one in trials], dtype=bool)
        worst = float(np.nanmax(finals, where=~has_failed, initial=0.0)) or 1.0
        finals = np.where(has_failed, worst, finals)
        return [[float(final), *cost.tolist()] for final, cost in zip(finals, costs, strict=True)]

    def _known_values(self) -> list[list[float]]:
        """Return the objectives of complete trials, NaN for the others."""
        trials = list(self.observations.trials.values())
        errors = [_last_error(one) if one.state == "complete" else math.nan for one in trials]
        return [[e, *c.tolist()] for e, c in zip(errors, np.log(self._costs(trials)), strict=True)]

    def _costs(self, trials: Sequence[Observation]) -> NDArray[np.float64]:
        """Return the costs of trials, n x c; unmeasured ones in proportion to the MACs."""
        costs = np.array([one.costs for one in trials], dtype=np.float64)
        costs = costs.reshape(len(trials), self.observations.num_costs)
        work = np.array([one.point.work for one in trials], dtype=np.float64)
        for column in range(costs.shape[1]):
            unknown = np.isnan(costs[:, column])
            if unknown.any():
                costs[unknown, column] = work[unknown] * self._cost_per_work(column)
        return costs

    def _cost_per_work(self, column: int) -> float:
        """Return the median ratio of a measured cost to the MACs; 1 without measurements."""
        every = [
            ((one.costs or ())[column], one.point.work or 1.0) for one in self.observations.trials.values()
        ]
        ratios = [cost / work for cost, work in every if not math.isnan(cost)]
        return median(ratios) if ratios else 1.0

    def _encoded(self, hyperparameters: Point) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the distributions and the values of a point's parameters."""
        domains = self.space.hyperparameters_of(hyperparameters)
        distributions = {
            hyperparameter: distribution_of(domain) for hyperparameter, domain in domains.items()
        }
        return distributions, {
            hyperparameter: encode(domain, hyperparameters[hyperparameter])
            for hyperparameter, domain in domains.items()
        }

    def _frozen(
        self, number: int, observation: Observation, values: list[float], violation: float | None
    ) -> FrozenTrial:
        """Return a trial of the study.

        Optuna's samplers learn nothing from failed trials. A failed trial therefore counts as complete with the worst
        value, and violates a constraint (``violation`` above 0; None if no trial failed).
        """
        known: dict[str, Any] = {"state": TrialState.RUNNING}
        if observation.state != "running" and all(map(math.isfinite, values)):
            known = {"state": TrialState.COMPLETE, "values": values}
        elif observation.state == "failed":
            known = {"state": TrialState.FAIL}
        elif observation.state == "stopped":
            known = {"state": TrialState.PRUNED}
        distributions, params = self._encoded(self.observations.hyperparameters[number])
        attrs = dict(self._attrs.get(number, {}))
        trial = create_trial(params=params, distributions=distributions, system_attrs=attrs, **known)
        if known["state"] == TrialState.COMPLETE and violation is not None and self.sampler.learns_from_study:
            trial.set_constraint(FAILED, violation)
        return trial


def _new_study(num_costs: int) -> optuna.Study:
    with quiet_optuna():
        return optuna.create_study(directions=["minimize"] * (1 + num_costs))


def _last_error(observation: Observation) -> float:
    return observation.errors[max(observation.errors)]
