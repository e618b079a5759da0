"""Proposals of Optuna's own samplers, asked until one is a network that is new and within the limits."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from results.records import EpochReport, TrialRecord
from search.costs import counted_costs, known_costs
from search.frontier.initial_design import van_der_corput
from search.frontier.models.learning_curves import as_rows, final_values
from search.samplers.base import Proposal, Proposer
from search.samplers.encoding import distribution_of, encode, suggest
from search.samplers.optuna import OptunaName, make_sampler
from search.samplers.quiet import quiet_optuna
from search.seeds import derive_seed
from space.domains import Domain, Value
from space.drawing import draw_knobs
from space.search_space import Point, SearchSpace

FAILURE = "failed"
"""The constraint that trials that failed have broken."""
STARTUP_TRIALS = 10
"""Trials before the sampler is asked: networks spread evenly over log(parameters)."""
ASKS = 12
"""Times that a sampler is asked for one proposal before the space is searched at random instead."""
ASKS_GP = 2
"""The same for the Gaussian process, which takes about a second and, asked again, says nearly the same."""
SPREAD_DRAWS = 256
SPREAD_FEASIBLE = 32
"""Of the former, so many are made to fit the limits if too few do by themselves."""


@dataclass
class _Tried:
    """What a sampler may learn from one trial; ``curve`` holds the errors by epoch so far.

    ``costs`` are NaN where they have not been measured; then the ``work``, MACs, tells about how much.
    """

    params: dict[str, Any]
    distributions: dict[str, BaseDistribution]
    attrs: dict[str, Any]
    costs: tuple[float, ...]
    work: float
    state: str
    curve: list[float]


class OptunaProposer(Proposer):
    """Proposals of one of Optuna's samplers.

    The sampler works on a study of its own in memory, made from what is told here: there, everything is
    minimised (error and log parameters), ordered choices are ranks, and proposals that are turned away
    leave no trace in the user's study. These samplers know finished trials only: of a training that
    stands at a rung it is guessed what it would end with.
    """

    def __init__(
        self,
        space: SearchSpace,
        sampler: OptunaName,
        seed: int,
        epochs: int = 1,
        costs: Sequence[str] = ("params",),
    ) -> None:
        super().__init__(space, seed)
        self._costs = tuple(costs)
        self._epochs = epochs
        self.sampler = sampler
        self._tried: dict[int, _Tried] = {}
        self._pending: dict[int, optuna.Trial] = {}
        self._study = self._new_study()
        self._is_stale = False

    # -- what is known ---------------------------------------------------------------------------------

    def _remember(
        self, record: TrialRecord, sampler_attrs: dict[str, Any], curve: Sequence[EpochReport]
    ) -> None:
        distributions, params = self._encoded(record.knobs)
        errors = [1.0 - report.val_accuracy for report in curve]
        costs, work = known_costs(self._costs, record), float(record.macs)
        self._tried[record.number] = _Tried(
            params, distributions, sampler_attrs, costs, work, record.state, errors
        )
        self._end_curve(record)
        self._is_stale = True

    def _begin(self, number: int, proposal: Proposal) -> None:
        distributions, params = self._encoded(proposal.knobs)
        counts = self.space.counts(proposal.spec)
        costs = counted_costs(self._costs, self.space)(counts)
        self._tried[number] = _Tried(
            params, distributions, proposal.sampler_attrs, costs, float(counts.macs), "running", []
        )

    def _note(self, number: int, report: EpochReport) -> None:
        curve = self._tried[number].curve
        del curve[report.epoch - 1 :]  # an epoch may come again, after a damaged checkpoint
        curve.append(1.0 - report.val_accuracy)

    def _tell(self, record: TrialRecord) -> None:
        tried = self._tried[record.number]
        tried.state = record.state
        tried.costs = known_costs(self._costs, record)
        self._end_curve(record)
        trial = self._pending.get(record.number)
        if trial is None or self._is_stale or record.state in ("paused", "stopped", "failed"):
            self._is_stale = True  # Optuna takes no new word of a trial that it was told is finished
        elif record.state == "complete":
            values = [tried.curve[-1], *np.log(self._all_costs([tried])[0])]
            self._study.tell(self._pending.pop(record.number), values)

    def _learn_from_reference(self, record: TrialRecord, reports: Sequence[EpochReport]) -> None:
        """Learn nothing: it need not be a point of the space."""

    def _end_curve(self, record: TrialRecord) -> None:
        """Take the result of a trial of which no epochs are known as its only one."""
        tried = self._tried[record.number]
        if record.val_accuracy is not None and not tried.curve:
            tried.curve = [1.0 - record.val_accuracy]

    def _refresh(self) -> None:
        """Make the sampler's study anew where what it was told is no longer all that is known."""
        if not self._is_stale or self.sampler == "random":  # which asks for nothing that is known
            return
        self._study, self._pending, self._is_stale = self._new_study(), {}, False
        tried = list(self._tried.values())
        length = max([self._epochs, *(len(one.curve) for one in tried)])
        curves = as_rows([dict(enumerate(one.curve, 1)) for one in tried], length)
        costs = np.log(self._all_costs(tried))
        is_final = np.array([one.state == "complete" for one in tried], dtype=bool)
        guesses = final_values(curves, costs, is_final).values
        has_failed = np.array([one.state == "failed" for one in tried], dtype=bool)
        worst = float(np.nanmax(guesses, where=~has_failed, initial=0.0)) or 1.0
        guesses = np.where(has_failed, worst, guesses)
        for (number, one), guess, cost in zip(self._tried.items(), guesses, costs, strict=True):
            violation = (1.0 if one.state == "failed" else -1.0) if has_failed.any() else None
            self._study.add_trial(_as_optuna_trial(one, [float(guess), *cost.tolist()], violation))
            if one.state == "running":
                self._pending[number] = optuna.Trial(self._study, self._study.trials[-1]._trial_id)
            # the worst so far may change, and with it what is told of those that failed
            self._is_stale |= one.state in ("paused", "failed")

    def _all_costs(self, tried: Sequence[_Tried]) -> NDArray[np.float64]:
        """Return what trials cost (n x c); what was not measured is in proportion to the work."""
        costs = np.array([one.costs for one in tried]).reshape(len(tried), len(self._costs))
        for column in range(len(self._costs)):
            every = [(one.costs[column], one.work) for one in self._tried.values()]
            ratios = [cost / work for cost, work in every if not math.isnan(cost)]
            unknown = np.isnan(costs[:, column])
            work = np.array([one.work for one in tried])
            costs[unknown, column] = work[unknown] * (median(ratios) if ratios else 1.0)
        return costs

    def _new_study(self) -> optuna.Study:
        with quiet_optuna():
            return optuna.create_study(directions=["minimize"] * (1 + len(self._costs)))

    # -- the next one ------------------------------------------------------------------------------------

    def _choose(self, number: int) -> Proposal | None:
        self._refresh()
        spread = len(self._tried) < STARTUP_TRIALS and self.sampler != "random"
        point = self._spread(number) if spread else None
        return self._ask(number) if point is None else self._adopt(number, point)

    def _spread(self, number: int) -> Point | None:
        """Of many random networks, the one nearest to this trial's place on the scale of log parameters.

        The places follow the van der Corput sequence, so that any number of them covers the scale; the
        first is the smallest network of the space.
        """
        low, high = (math.log(bound) for bound in self.space.params_range())
        target = low + (high - low) * van_der_corput(len(self._tried))
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

    def _adopt(self, number: int, point: Point) -> Proposal:
        """Make a point that the sampler did not choose a pending trial of its study all the same."""
        seed = derive_seed(self.seed, number, "adopted")
        # a sampler that knows no trial yet may fail; generations, though, are counted from the first
        name = self.sampler if self.sampler in ("nsga2", "nsga3") else "random"
        self._study.sampler = make_sampler(name, seed)
        self._study.enqueue_trial(self._encoded(point)[1])
        return self._proposal(*self._suggest(number))

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


def _as_optuna_trial(tried: _Tried, values: list[float], violation: float | None) -> FrozenTrial:
    """Return a trial as Optuna's samplers take it: complete with what it ended with, or is guessed to.

    One that failed is as bad as the worst, and breaks a constraint (``violation`` above 0; None where none
    did): of failed trials as such they learn nothing.
    """
    known: dict[str, Any] = {"state": TrialState.RUNNING}
    if tried.state != "running" and all(map(math.isfinite, values)):
        known = {"state": TrialState.COMPLETE, "values": values}
    elif tried.state == "failed":
        known = {"state": TrialState.FAIL}
    trial = create_trial(
        params=tried.params, distributions=tried.distributions, system_attrs=dict(tried.attrs), **known
    )
    if known["state"] == TrialState.COMPLETE and violation is not None:
        trial.set_constraint(FAILURE, violation)
    return trial
