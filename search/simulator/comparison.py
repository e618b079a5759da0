"""Searches compared: several samplers and schedulers on one problem, many seeds each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from results.storage.records import TrialRecord
from search.samplers.base import AskTell
from search.simulator.problem import Problem
from search.simulator.simulation import HypervolumeIndicator, Simulation, simulate
from space.core.errors import InvalidInputError
from space.search_space import SearchSpace

SHARES = (0.90, 0.95, 0.98, 0.99)
"""Shares of the best hypervolume that are looked for."""
STEPS = 100
"""Times at which the hypervolume is looked up for a picture."""
TRAININGS = 60
"""Whole trainings of a network of average cost that a comparison lasts by default, over all workers."""
LEAST_TRAININGS = 4
"""So many on each worker at least."""

AskTellFactory = Callable[[SearchSpace, int], AskTell]


@dataclass(frozen=True)
class Method:
    """A way to search: a sampler by name and a scheduler by name; ``ask_tell`` makes one of another kind."""

    sampler: str
    scheduler: str = "fifo"
    ask_tell: AskTellFactory | None = None

    @property
    def name(self) -> str:
        """What it is called in tables and pictures."""
        return f"{self.sampler} + {self.scheduler}"


@dataclass(frozen=True)
class Outcome:
    """What one method has done over all seeds.

    ``times_s`` maps a share of the best hypervolume to the time at which each seed had come to it, None
    where it never did; ``curve`` holds (seconds, quarter, median, three quarters) of the share by time.
    """

    method: Method
    times_s: dict[float, list[float | None]]
    curve: list[tuple[float, float, float, float]]
    trials: list[int]
    complete: list[int]

    def median_time_s(self, share: float) -> float | None:
        """Return the median time to a share; None if half of the seeds or more never came to it."""
        return _quantile(self.times_s[share], 2)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain data, times in seconds with quartiles."""
        times = {
            f"{share:.2f}": {
                "quarter": _quantile(found, 1),
                "median": _quantile(found, 2),
                "three_quarters": _quantile(found, 3),
                "never": sum(time is None for time in found),
            }
            for share, found in self.times_s.items()
        }
        return {
            "sampler": self.method.sampler,
            "scheduler": self.method.scheduler,
            "seeds": len(self.trials),
            "time_s_to_share": times,
            "share_at_end": dict(
                zip(("quarter", "median", "three_quarters"), self.curve[-1][1:], strict=True)
            ),
            "trials": median(self.trials),
            "complete": median(self.complete),
        }


def compare(
    problem: Problem,
    methods: Iterable[Method],
    *,
    num_seeds: int,
    num_workers: int = 1,
    limit_s: float | None = None,
    first_seed: int = 0,
    on_simulation: Callable[[Method, int], None] | None = None,
) -> list[Outcome]:
    """Return what every method does on a problem until ``limit_s`` simulated seconds are over.

    By default they last as ``default_limit_s`` says.

    Raises:
        InvalidInputError: the best hypervolume of the problem is not known or 0, or a number is too small.
    """
    best = HypervolumeIndicator(problem.outcomes(), problem.space.params_range()).best
    if problem.outcomes() == {}:
        raise InvalidInputError(f"{problem.name}: all trainings of it fail, so nothing is found there")
    if best is None:
        raise InvalidInputError(
            f"{problem.name}: its best hypervolume is not known, so shares cannot be told"
        )
    if not best:
        raise InvalidInputError(
            f"{problem.name}: no network of it is better than the worst, so searches cannot be compared"
        )
    for name, number in (("num_seeds", num_seeds), ("num_workers", num_workers)):
        if number < 1:
            raise InvalidInputError(f"{name} must be at least 1, but got {number}")
    if limit_s is None:
        limit_s = default_limit_s(problem, num_workers)
    outcomes = []
    for method in methods:
        simulations = []
        for seed in range(first_seed, first_seed + num_seeds):
            if on_simulation is not None:
                on_simulation(method, seed)
            simulations.append(
                simulate(
                    problem,
                    method.sampler,
                    method.scheduler,
                    num_workers=num_workers,
                    seed=seed,
                    hours=limit_s / 3600,
                    ask_tell=method.ask_tell,
                )
            )
        outcomes.append(outcome_of(method, simulations, limit_s))
    return outcomes


def default_limit_s(problem: Problem, num_workers: int) -> float:
    """Return how long a comparison lasts, in simulated seconds.

    With many workers it lasts for some trainings of average cost all the same, or nothing would end in it.
    """
    points = list(problem.space.feasible_points())
    chosen = points[:: max(1, len(points) // 200)]
    seconds = [sum(problem.curve(problem.space.spec(point), 0).seconds) for point in chosen]
    return max(TRAININGS / num_workers, LEAST_TRAININGS) * sum(seconds) / len(seconds)


def outcome_of(method: Method, simulations: Sequence[Simulation], limit_s: float) -> Outcome:
    """Return what a method has done, from its searches of ``limit_s`` simulated seconds."""
    curve = []
    for step in range(1, STEPS + 1):
        time_s = limit_s * step / STEPS
        shares = [one.hypervolume_at(time_s) for one in simulations]
        curve.append((time_s, *_quartiles(shares)))
    times = {share: [one.time_to(share) for one in simulations] for share in SHARES}
    in_time = [[record for record in one.records if _ended_by(record, limit_s)] for one in simulations]
    return Outcome(
        method,
        # trainings that run when the time is over come to their ends, which do not count
        {
            share: [None if when is None or when > limit_s else when for when in found]
            for share, found in times.items()
        },
        curve,
        [len(one.records) for one in simulations],
        [sum(record.state == "complete" for record in records) for records in in_time],
    )


def _ended_by(record: TrialRecord, time_s: float) -> bool:
    return record.finished_s is not None and record.finished_s <= time_s


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _quantile(times: Sequence[float | None], quarter: int) -> float | None:
    """Return a quartile of times of which some are never: None if it is among those."""
    never = 1e30
    found = _quartiles([never if time is None else time for time in times])[quarter - 1]
    return None if found > never / 1e6 else found
