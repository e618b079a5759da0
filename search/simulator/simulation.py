"""A simulated search: the driver, sampler and scheduler of a study, with simulated workers."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from results.hypervolume import hypervolume
from results.storage.objectives import COSTS
from results.storage.records import StudyHeader, TrialRecord
from search.samplers.base import AskTell
from search.samplers.make import make_ask_tell
from search.simulator.executor import SimulatedExecutor
from search.simulator.problem import Problem
from search.study.components import make_scheduler, rungs_of
from search.study.config import StudyConfig
from search.study.driver import Clock, Driver
from search.study.objectives import header_ranges
from search.study.progress import Silent
from search.study.trials import Trials
from space.core.errors import InvalidInputError
from space.search_space import SearchSpace

EDGE = 1e-6
"""By which the reference lies beyond the most parameters: the largest network counts as well."""


@dataclass(frozen=True)
class Simulation:
    """What a simulated search has found.

    ``history`` holds (seconds on the simulated clock, hypervolume) whenever a training ended, where networks
    count with their expected accuracy, not with what one training happened to show. ``best`` is the
    hypervolume of the best front of the space, where that is known. ``busy_s`` are the seconds that workers
    were training, all added up; ``idle_share`` is the share of their time without a job, until the last job
    began.
    """

    records: tuple[TrialRecord, ...]
    history: tuple[tuple[float, float], ...]
    best: float | None
    elapsed_s: float
    busy_s: float
    idle_share: float

    def hypervolume_at(self, time_s: float) -> float:
        """Return the hypervolume at a time, as a share of the best where that is known."""
        place = bisect_right([when for when, _ in self.history], time_s)
        found = self.history[place - 1][1] if place else 0.0
        return found / (self.best or 1.0)

    def time_to(self, share: float) -> float | None:
        """Return when the hypervolume had come to a share of the best; None if it never did."""
        assert self.best is not None
        return next((when for when, found in self.history if found >= share * self.best), None)


def simulate(
    problem: Problem,
    sampler: str = "frontier",
    scheduler: str = "fifo",
    *,
    num_workers: int = 1,
    seed: int = 0,
    trials: int = 10**6,
    hours: float | None = None,
    epochs: int | None = None,
    patience: int | None = None,
    reduction: int = 3,
    costs: Sequence[str] = ("params",),
    ask_tell: Callable[[SearchSpace, int], AskTell] | None = None,
) -> Simulation:
    """Search a problem as a study would, without training anything, until a budget is spent.

    Budgets are ``trials`` started, ``hours`` of simulated time, ``epochs`` of all trainings, ``patience``
    (trials in a row without growth of the front), and the space itself. Accuracy is weighed against the
    ``costs``, of which none may be one that is measured; ``history`` is about parameters alone.
    ``ask_tell`` makes another sampler from the space and the seed.

    Raises:
        ValidationError: an option is none that a study takes.
        InvalidInputError: there is no worker, or a cost is measured.
    """
    if measured := [name for name in costs if name in COSTS and COSTS[name].is_measured]:
        raise InvalidInputError(
            f"{measured[0]} is measured, and recorded trainings have no such measurements"
        )
    if num_workers < 1:
        raise InvalidInputError(f"num_workers must be at least 1, but got {num_workers}")
    search = {
        "sampler": sampler if ask_tell is None else "random",
        "scheduler": scheduler,
        "seed": seed,
        "trials": trials,
        "hours": hours,
        "epochs": epochs,
        "patience": patience,
        "reduction": reduction,
        "costs": tuple(costs),
    }
    config = StudyConfig.model_validate({"train": {"epochs": problem.epochs}, "search": search})
    space = problem.space
    trials_so_far = Trials(_header(config, space), space)
    executor = SimulatedExecutor(problem, num_workers)
    asked: AskTell
    if ask_tell is None:
        asked = make_ask_tell(config.search.sampler, space, seed, rungs_of(config), costs=costs)
    else:
        asked = ask_tell(space, seed)
    scheduling = make_scheduler(config, trials_so_far, asked.policy)
    clock = Clock(0.0, executor.now)
    # what fails there is as recorded, and nobody can mend it: the driver never gives up
    Driver(config, trials_so_far, asked, scheduling, executor, Silent(), clock, gives_up=False).run()
    records = tuple(trials_so_far.records.values())
    indicator = HypervolumeIndicator(problem.outcomes(), space.params_range())
    history = indicator.history(records)
    return Simulation(records, history, indicator.best, executor.now_s, executor.busy_s, executor.idle_share)


class HypervolumeIndicator:
    """The hypervolume of networks found, in the objectives' own units: error, and log parameters from 0 to 1.

    The reference is the worst point of the space: the largest error that a network of it is expected to
    have, and the most parameters. Where ``outcomes`` are not known it is an error of 1, and what was seen
    counts.
    """

    def __init__(self, outcomes: Mapping[str, tuple[int, float]] | None, bounds: tuple[int, int]) -> None:
        self._outcomes = outcomes or None
        self._low, self._high = (math.log(bound) for bound in bounds)
        self._worst = 1.0
        self.best: float | None = None
        if outcomes:  # where every training fails, there is no best
            self._worst = max(1.0 - accuracy for _, accuracy in outcomes.values())
            points = [self._point(params, accuracy) for params, accuracy in outcomes.values()]
            self.best = hypervolume(points, (self._worst, 1.0 + EDGE))

    def _point(self, params: int, accuracy: float) -> tuple[float, float]:
        place = (math.log(params) - self._low) / max(self._high - self._low, 1e-12)
        return 1.0 - accuracy, max(0.0, place)

    def history(self, records: Iterable[TrialRecord]) -> tuple[tuple[float, float], ...]:
        """Return (seconds, hypervolume) whenever a training has ended, in order of time."""
        history: list[tuple[float, float]] = []
        front: list[tuple[float, float]] = []
        ended = [record for record in records if record.val_accuracy is not None]
        for record in sorted(ended, key=lambda record: (record.finished_s or 0.0, record.number)):
            accuracy = record.val_accuracy
            if self._outcomes is not None:
                accuracy = self._outcomes[record.arch][1]
            assert accuracy is not None
            new = self._point(record.params, accuracy)
            front = [p for p in front if not (new[0] <= p[0] and new[1] <= p[1])] + [new]
            history.append((record.finished_s or 0.0, hypervolume(front, (self._worst, 1.0 + EDGE))))
        return tuple(history)


def _header(config: StudyConfig, space: SearchSpace) -> StudyHeader:
    return StudyHeader(
        name="simulation",
        config={},
        space_hash=space.hash,
        data={},
        params_range=space.params_range(),
        cost_ranges=header_ranges(config.search.costs, space),
        trials=config.search.trials,
    )
