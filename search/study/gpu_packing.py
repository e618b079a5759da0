"""The number of trainings that share a GPU, where ``search.trials_per_gpu`` is auto: measured once, then kept."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from search.executors.local import LocalExecutor
from search.executors.messages import Job, Setup
from search.executors.mps import multi_process_service
from search.executors.packing import COUNTS, Throughput, best_packing, throughputs
from search.executors.slots import Slot
from search.study.config import StudyConfig
from space.core.atomic_files import write_atomic
from space.core.text import plural
from space.networks.spec import Spec
from space.search_space import SearchSpace

FILE = "packing.json"
_SAMPLES = 15
_ENDLESS = 10**6
"""Epochs of a measured training, which is aborted."""


def typical_network(space: SearchSpace) -> Spec:
    """Return the network of the median size among some random ones."""
    rng = random.Random(0)
    points = [space.sample_feasible(rng) or space.smallest_point() for _ in range(_SAMPLES)]
    specs = sorted((space.spec(point) for point in points), key=lambda spec: spec.params)
    return specs[_SAMPLES // 2]


def measure_packing(
    config: StudyConfig,
    spec: Spec,
    setup: Setup,
    slot: Slot,
    counts: Sequence[int] = COUNTS,
    min_growth: float | None = None,
) -> list[Throughput]:
    """Return the total throughput of several trainings of ``spec`` in copies of ``slot``.

    Args:
        config: The study, for its recipe.
        spec: The network.
        setup: The settings of the workers.
        slot: A GPU, or CPU cores.
        counts: The numbers of trainings to try, ascending.
        min_growth: See ``throughputs``; None for its default.
    """
    with tempfile.TemporaryDirectory(prefix="mgnas-packing-") as folder:
        place = Path(folder)
        recipe = config.train.replaced({"epochs": _ENDLESS})

        def job(number: int) -> Job:
            return Job(
                number,
                spec.to_dict(),
                recipe,
                seed=number,
                weights_path=str(place / f"{number}.safetensors"),
                checkpoint_path=str(place / f"{number}.checkpoint"),
            )

        def executor(count: int) -> LocalExecutor:
            return LocalExecutor([slot] * count, setup, place / "logs")

        growth = {} if min_growth is None else {"min_growth": min_growth}
        with multi_process_service([slot] * max(counts)):
            return throughputs(executor, job, counts, **growth)


def packed_slots(
    config: StudyConfig,
    space: SearchSpace,
    setup: Setup,
    slots: Sequence[Slot],
    folder: Path,
    tell: Callable[[str], None],
) -> list[Slot]:
    """Return the slots with as many for each GPU as raise the total throughput.

    Args:
        config: The study.
        space: Its search space.
        setup: The settings of the workers.
        slots: One slot for each GPU; the GPUs are taken to be equal.
        folder: The folder that keeps the measurement.
        tell: Takes the lines of the measurement.

    Raises:
        OSError: The folder cannot be written to.
    """
    found = _kept(folder / FILE)
    if found is None:
        tell(
            "measuring how many trainings pay on one GPU at the same time, once for this study; it takes minutes"
        )
        found = measure_packing(config, typical_network(space), setup, slots[0])
        folder.mkdir(parents=True, exist_ok=True)
        kept = {"throughputs": [asdict(one) for one in found]}
        write_atomic(folder / FILE, json.dumps(kept, indent=2) + "\n")
    for one in found:
        tell(f"{plural(one.trainings, 'training')} on one GPU: {one.epochs_per_s:.3g} epochs/s in total")
    return list(slots) * best_packing(found)


def _kept(path: Path) -> list[Throughput] | None:
    """Return the throughputs of an earlier measurement; None without one."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(path.read_text(encoding="utf-8"))["throughputs"]
        return [Throughput(int(one["trainings"]), float(one["epochs_per_s"])) for one in kept]
    return None
