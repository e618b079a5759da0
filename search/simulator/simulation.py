"""A simulated search: the driver, sampler and scheduler of a study, with simulated workers."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from results.hypervolume import hypervolume
from results.storage.objectives import COSTS
from results.storage.records import StudyHeader, TrialRecord
from search.samplers.base import AskTell
from search.simulator.executor import SimulatedExecutor
from search.simulator.problem import Problem
from search.simulator.tabular_benchmark import TabularBenchmark
from search.study.clock import Clock
from search.study.components import compose
from search.study.config import StudyConfig
from search.study.driver import Driver
from search.study.objectives import header_ranges
from search.study.progress import Silent
from search.study.trials import Trials
from space.core.errors import InvalidInputError
from space.search_space import SearchSpace

EDGE = 1e-6
"""Distance of the reference point beyond the most parameters, so that the largest network contributes."""


@dataclass(frozen=True)
class Simulation:
    """The result of a simulated search.

    Attributes:
        records: The trials.
        history: (seconds on the simulated clock, hypervolume) at the end of each training. The hypervolume uses
            the expected accuracy of networks, not that of one training.
        best: The hypervolume of the best front of the space; None if unknown.
        elapsed_s: Simulated seconds of the search.
        busy_s: Seconds of training, summed over workers.
        idle_share: Fraction of the workers' time without a job, until the last job began.
    """

    records: tuple[TrialRecord, ...]
    history: tuple[tuple[float, float], ...]
    best: float | None
    elapsed_s: float
    busy_s: float
    idle_share: float

    def hypervolume_at(self, time_s: float) -> float:
        """Return the hypervolume at a time, as a fraction of the best hypervolume if it is known."""
        place = bisect_right([when for when, _ in self.history], time_s)
        found = self.history[place - 1][1] if place else 0.0
        return found / (self.best or 1.0)

    def time_to(self, fraction: float) -> float | None:
        """Return the time in seconds at which the hypervolume reached a fraction of the best; None if never."""
        assert self.best is not None
        return next((when for when, found in self.history if found >= fraction * self.best), None)


def simulate(
    problem: Problem | str | Path,
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
    """Simulate one search on recorded or computed trainings. Nothing is trained.

    Args:
        problem: A problem, or the table of a tabular benchmark: a file, or ``"digits8"``, ``"cifar16"``,
            ``"grey16"``.
        sampler: The sampler, such as ``"frontier"``, ``"tpe"`` or ``"random"``.
        scheduler: ``"fifo"``, ``"asha"`` or ``"freeze_thaw"``.
        num_workers: Simulated workers.
        seed: The seed of the search.
        trials: Budget of started trials.
        hours: Budget of simulated time.
        epochs: Budget of epochs of all trainings.
        patience: The search ends after so many trials in a row without growth of the front.
        reduction: Reduction factor of the scheduler's rungs.
        costs: Objectives to minimise; none may be measured. ``history`` only uses parameters.
        ask_tell: Makes another sampler from the space and the seed.

    Returns:
        The trials, and the hypervolume over simulated time.

    Raises:
        ValidationError: A study has no such option.
        InvalidInputError: The table cannot be read, ``num_workers`` is below 1, or a cost is measured.

    Example:
        >>> found = mgnas.simulate("digits8", "frontier", "freeze_thaw", hours=0.02)
        >>> found.time_to(0.95)
    """
    if isinstance(problem, str | Path):
        problem = TabularBenchmark.read(problem)
    if measured := [name for name in costs if name in COSTS and COSTS[name].is_measured]:
        raise InvalidInputError(
            f"{measured[0]} is measured; recorded trainings have no measurements, choose other costs"
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
    trials_so_far = Trials(simulation_header(config, space), space)
    executor = SimulatedExecutor(problem, num_workers)
    own = None if ask_tell is None else ask_tell(space, seed)
    components = compose(config, trials_so_far, executor, sampler=own)
    clock = Clock(0.0, executor.now)
    # recorded failures cannot be repaired: the driver does not give up after some in a row
    Driver(components, Silent(), clock, gives_up=False).run()
    records = tuple(trials_so_far.records.values())
    indicator = HypervolumeIndicator(problem.outcomes(), space.params_range())
    history = indicator.history(records)
    return Simulation(records, history, indicator.best, executor.now_s, executor.busy_s, executor.idle_share)


class HypervolumeIndicator:
    """The hypervolume of error and log parameters, the latter scaled to [0, 1] over the space.

    The reference point is the worst of the space: the largest expected error and the most parameters. If
    ``outcomes`` is None, its error is 1, and networks count with the accuracy of their training.
    """

    def __init__(self, outcomes: Mapping[str, tuple[int, float]] | None, bounds: tuple[int, int]) -> None:
        self._outcomes = outcomes or None
        self._low, self._high = (math.log(bound) for bound in bounds)
        self._worst = 1.0
        self.best: float | None = None
        if outcomes:  # empty if every training fails: there is no best
            self._worst = max(1.0 - accuracy for _, accuracy in outcomes.values())
            points = [self._point(params, accuracy) for params, accuracy in outcomes.values()]
            self.best = hypervolume(points, (self._worst, 1.0 + EDGE))

    def _point(self, params: int, accuracy: float) -> tuple[float, float]:
        place = (math.log(params) - self._low) / max(self._high - self._low, 1e-12)
        return 1.0 - accuracy, max(0.0, place)

    def history(self, records: Iterable[TrialRecord]) -> tuple[tuple[float, float], ...]:
        """Return (seconds, hypervolume) at the end of each training, in order of time."""
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


def simulation_header(config: StudyConfig, space: SearchSpace) -> StudyHeader:
    """Return the header of a study without images or a folder."""
    return StudyHeader(
        name="simulation",
        config={},
        space_hash=space.hash,
        data={},
        params_range=space.params_range(),
        cost_ranges=header_ranges(config.search.costs, space),
        trials=config.search.trials,
    )
