"""One search replayed: the driver, proposer and scheduler of a study, with simulated workers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from results.front import front_hypervolume, hypervolume_history
from results.records import StudyHeader, TrialRecord
from search.config import StudyConfig
from search.driver import Clock, Driver
from search.progress import Silent
from search.proposer import Proposer
from search.proposers import make_proposer
from search.replay.executor import ReplayExecutor
from search.replay.problem import Problem
from search.schedulers import make_scheduler, rungs_of
from search.trials import Trials
from space.search_space import SearchSpace


@dataclass(frozen=True)
class Replay:
    """What a replayed search has found.

    ``history`` holds (seconds on the simulated clock, hypervolume) whenever a training ended, where networks
    count with their expected accuracy, not with what one training happened to show. ``best`` is the
    hypervolume of the best front of the space, where that is known. ``busy_s`` are the seconds that workers
    were training, all added up.
    """

    records: tuple[TrialRecord, ...]
    history: tuple[tuple[float, float], ...]
    best: float | None
    elapsed_s: float
    busy_s: float

    def hypervolume_at(self, time_s: float) -> float:
        """Return the hypervolume at a time, as a share of the best where that is known."""
        place = bisect_right([when for when, _ in self.history], time_s)
        found = self.history[place - 1][1] if place else 0.0
        return found / (self.best or 1.0)

    def time_to(self, share: float) -> float | None:
        """Return when the hypervolume had come to a share of the best; None if it never did."""
        assert self.best is not None
        return next((when for when, found in self.history if found >= share * self.best), None)


def replay(
    problem: Problem,
    sampler: str = "frontier",
    scheduler: str = "full",
    *,
    num_workers: int = 1,
    seed: int = 0,
    trials: int = 10**6,
    hours: float | None = None,
    epochs: int | None = None,
    patience: int | None = None,
    reduction: int = 3,
    proposer: Callable[[SearchSpace, int], Proposer] | None = None,
) -> Replay:
    """Search a problem as a study would, without training anything, until a budget is spent.

    Budgets are ``trials`` started, ``hours`` of simulated time, ``epochs`` of all trainings, ``patience``
    (trials in a row without growth of the front), and the space itself. ``proposer`` makes a proposer of
    the space and the seed that takes the place of the sampler's.

    Raises:
        ValidationError: an option is none that a study takes.
    """
    config = StudyConfig.model_validate(
        {
            "train": {"epochs": problem.epochs},
            "search": {
                "sampler": sampler if proposer is None else "random",
                "scheduler": scheduler,
                "seed": seed,
                "trials": trials,
                "hours": hours,
                "epochs": epochs,
                "patience": patience,
                "reduction": reduction,
            },
        }
    )
    space = problem.space
    trials_so_far = Trials(_header(config, space), space)
    executor = ReplayExecutor(problem, num_workers)
    if proposer is None:
        proposing = make_proposer(config.search.sampler, space, seed, rungs_of(config))
    else:
        proposing = proposer(space, seed)
    driver = Driver(
        config,
        trials_so_far,
        proposing,
        make_scheduler(config, trials_so_far, proposing),
        executor,
        Silent(),
        Clock(0.0, executor.now),
    )
    driver.run()
    outcomes = problem.outcomes()
    records = tuple(trials_so_far.records.values())
    expected = [_expected(record, outcomes) for record in records]
    bounds = space.params_range()
    best = None
    if outcomes is not None:
        everything = [_as_record(arch, params, accuracy) for arch, (params, accuracy) in outcomes.items()]
        best = front_hypervolume(everything, bounds)
    history = tuple(hypervolume_history(expected, bounds))
    return Replay(records, history, best, executor.now_s, executor.busy_s)


def _header(config: StudyConfig, space: SearchSpace) -> StudyHeader:
    return StudyHeader(
        name="replay",
        config={},
        space_hash=space.hash,
        data={},
        params_range=space.params_range(),
        trials=config.search.trials,
    )


def _expected(record: TrialRecord, outcomes: Mapping[str, tuple[int, float]] | None) -> TrialRecord:
    """Return a complete trial with the accuracy that its network is expected to have; others as they are."""
    if outcomes is None or record.val_accuracy is None:
        return record
    return replace(record, val_accuracy=outcomes[record.arch][1])


def _as_record(arch: str, params: int, accuracy: float) -> TrialRecord:
    return TrialRecord(
        0, arch, "", {}, {}, params, 1, 0, 1, state="complete", val_accuracy=accuracy, finished_s=0.0
    )
