"""Comparison of search methods: simulations of several samplers and schedulers, many seeds each."""

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

FRACTIONS = (0.90, 0.95, 0.98, 0.99)
"""Fractions of the best hypervolume whose times are reported."""
STEPS = 100
"""Points of a curve of hypervolume over time."""
TRAININGS = 60
"""Default length of a comparison: complete trainings of average cost, summed over workers."""
MIN_TRAININGS = 4
"""Lower limit of these trainings for each worker."""

AskTellFactory = Callable[[SearchSpace, int], AskTell]


@dataclass(frozen=True)
class Method:
    """A search method: the names of a sampler and a scheduler. ``ask_tell`` makes a sampler of another kind."""

    sampler: str
    scheduler: str = "fifo"
    ask_tell: AskTellFactory | None = None

    @property
    def name(self) -> str:
        """The name in tables and charts."""
        return f"{self.sampler} + {self.scheduler}"


@dataclass(frozen=True)
class Outcome:
    """The result of one method over all seeds.

    Attributes:
        method: The method.
        times_s: For each fraction of the best hypervolume, the time in seconds at which each seed reached it;
            None if never.
        curve: (seconds, first quartile, median, third quartile) of the fraction over time.
        trials: Trials of each seed.
        complete: Complete trainings of each seed.
    """

    method: Method
    times_s: dict[float, list[float | None]]
    curve: list[tuple[float, float, float, float]]
    trials: list[int]
    complete: list[int]

    def median_time_s(self, fraction: float) -> float | None:
        """Return the median time to a fraction; None if at least half of the seeds never reached it."""
        return _quantile(self.times_s[fraction], 2)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain data; times in seconds with quartiles."""
        times = {
            f"{fraction:.2f}": {
                "quarter": _quantile(found, 1),
                "median": _quantile(found, 2),
                "three_quarters": _quantile(found, 3),
                "never": sum(time is None for time in found),
            }
            for fraction, found in self.times_s.items()
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
    """Simulate every method on a problem from several seeds.

    Args:
        problem: The problem; the best front of its space must be known.
        methods: The methods.
        num_seeds: Simulations of each method.
        num_workers: Simulated workers.
        limit_s: Length of a simulation in simulated seconds. Default: ``default_limit_s``.
        first_seed: The first seed.
        on_simulation: Called before each simulation with the method and the seed.

    Raises:
        InvalidInputError: The best hypervolume of the problem is unknown or 0, or a number is too small.
    """
    best = HypervolumeIndicator(problem.outcomes(), problem.space.params_range()).best
    if problem.outcomes() == {}:
        raise InvalidInputError(f"{problem.name}: all its trainings fail; choose another table")
    if best is None:
        raise InvalidInputError(
            f"{problem.name}: its best hypervolume is unknown; choose a problem whose outcomes are known"
        )
    if not best:
        raise InvalidInputError(
            f"{problem.name}: no network is better than the worst; searches cannot be compared"
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
    """Return the default length of a comparison in simulated seconds.

    It lasts for at least ``MIN_TRAININGS`` trainings of average cost, however many workers there are.
    """
    points = list(problem.space.feasible_points())
    chosen = points[:: max(1, len(points) // 200)]
    seconds = [sum(problem.curve(problem.space.spec(point), 0).seconds) for point in chosen]
    return max(TRAININGS / num_workers, MIN_TRAININGS) * sum(seconds) / len(seconds)


def outcome_of(method: Method, simulations: Sequence[Simulation], limit_s: float) -> Outcome:
    """Return the outcome of a method from its simulations of ``limit_s`` simulated seconds."""
    curve = []
    for step in range(1, STEPS + 1):
        time_s = limit_s * step / STEPS
        fractions = [one.hypervolume_at(time_s) for one in simulations]
        curve.append((time_s, *_quartiles(fractions)))
    times = {fraction: [one.time_to(fraction) for one in simulations] for fraction in FRACTIONS}
    in_time = [[record for record in one.records if _ended_by(record, limit_s)] for one in simulations]
    return Outcome(
        method,
        # trainings that end after the limit do not count
        {
            fraction: [None if when is None or when > limit_s else when for when in found]
            for fraction, found in times.items()
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
    """Return a quartile of times, where None is later than every time."""
    never = 1e30
    found = _quartiles([never if time is None else time for time in times])[quarter - 1]
    return None if found > never / 1e6 else found
