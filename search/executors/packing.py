"""How many trainings one GPU runs at the same time: measured once for each device, network and batch size.

Small networks leave most of a GPU idle. More trainings raise the total throughput until the GPU, its memory or the CPU
that launches the kernels is busy.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from search.executors.base import Executor
from search.executors.messages import Deferred, Epoch, Failed, Fatal, Job, Lost
from space.core.errors import MgnasError
from space.core.text import plural

COUNTS = (1, 2, 4, 8, 16, 32)
MIN_GROWTH = 1.1
"""Doubling the trainings must raise the throughput by this factor; otherwise the smaller number is taken."""
MEASURED_EPOCHS = 3
LIMIT_S = 180.0
"""The longest measurement of one number of trainings, start of the workers included."""


class PackingError(MgnasError):
    """So many trainings do not run at the same time, or not within the time limit."""


@dataclass(frozen=True)
class Throughput:
    """The total throughput of trainings that run at the same time.

    Attributes:
        trainings: The number of trainings.
        epochs_per_s: The sum of their rates, in epochs per second.
    """

    trainings: int
    epochs_per_s: float


def measure_throughput(executor: Executor, jobs: Sequence[Job], limit_s: float = LIMIT_S) -> Throughput:
    """Return the total throughput of ``jobs`` at the same time.

    The measurement begins when each training has ended its first epoch, which includes calibration and capture of
    graphs. The jobs need enough epochs to run until the last one is measured; the caller closes the executor, which
    aborts them.

    Args:
        executor: An executor with as many free slots as there are jobs.
        jobs: Trainings of equal length.
        limit_s: The longest time.

    Raises:
        PackingError: A training fails, a worker dies, or the time is over.
    """
    for job in jobs:
        executor.submit(job)
    deadline_s = time.monotonic() + limit_s
    began: set[int] = set()
    seconds: dict[int, list[float]] = defaultdict(list)
    while len(seconds) < len(jobs) or min(map(len, seconds.values())) < MEASURED_EPOCHS:
        if time.monotonic() >= deadline_s:
            raise PackingError(f"{plural(len(jobs), 'training')} did not run within {limit_s:.0f} s")
        for event in executor.poll(0.25):
            if isinstance(event, (Deferred, Failed, Fatal, Lost)):
                raise PackingError(f"{plural(len(jobs), 'training')} at the same time: {event.reason}")
            if not isinstance(event, Epoch):
                continue
            if len(began) == len(jobs):
                seconds[event.trial].append(event.report.seconds)
            began.add(event.trial)
    rates = [len(taken) / sum(taken) for taken in seconds.values()]
    return Throughput(len(jobs), sum(rates))


def throughputs(
    make_executor: Callable[[int], Executor],
    make_job: Callable[[int], Job],
    counts: Sequence[int] = COUNTS,
    *,
    min_growth: float = MIN_GROWTH,
) -> list[Throughput]:
    """Return the throughput of each number of trainings, up to the first that does not run or gains too little.

    Args:
        make_executor: Returns an executor with this number of slots on one device.
        make_job: Returns the job of this number.
        counts: The numbers of trainings to try, ascending.
        min_growth: A number is the last one if it raises the throughput by a smaller factor; 0 tries all.
    """
    found: list[Throughput] = []
    for count in counts:
        with suppress(PackingError), closing(make_executor(count)) as executor:
            found.append(measure_throughput(executor, [make_job(number) for number in range(count)]))
        if not found or found[-1].trainings != count:
            break
        if len(found) > 1 and found[-1].epochs_per_s < min_growth * found[-2].epochs_per_s:
            break
    return found


def best_packing(found: Sequence[Throughput], min_growth: float = MIN_GROWTH) -> int:
    """Return the number of trainings after which the throughput grows too little; 1 without a measurement."""
    best = 1
    for earlier, later in itertools.pairwise(found):
        if later.epochs_per_s < min_growth * earlier.epochs_per_s:
            break
        best = later.trainings
    return best
