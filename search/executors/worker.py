"""A worker: one process that puts the images on its device once, then trains one job after another.

Started by the local executor as ``python -m search.executors.worker``. Jobs come in on standard input and events go
out on standard output. It ends when its input closes, so no worker outlives its driver.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO

from search.executors.messages import (
    Beat,
    Calibrating,
    Epoch,
    Event,
    Failed,
    Fatal,
    Finished,
    Foretold,
    Measured,
    Paused,
    Ready,
    encode,
)
from space.core.errors import InvalidInputError, MgnasError
from space.core.system_errors import DISK_FULL, explain_system_error

if TYPE_CHECKING:
    from space.networks.spec import Spec
    from trainers.data.device_data import DeviceData
    from trainers.device.calibration import Calibration
    from trainers.device.execution import ExecutionConfig
    from trainers.recipe import Recipe
    from trainers.training import Training


def main() -> None:
    """Serve jobs until standard input closes."""
    # whatever libraries print must not get between the events
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_lines, args=(lines,), daemon=True).start()
    threading.Thread(target=_beat, args=(events,), daemon=True).start()
    try:
        place = _load(lines.get(), events)
    except MgnasError as error:
        _send(events, Fatal(str(error)))
        return
    _send(events, Ready())
    while True:
        _train(lines.get(), place, events)


def _read_lines(lines: queue.Queue[dict[str, Any]]) -> None:
    try:
        for line in sys.stdin:
            lines.put(json.loads(line))
    finally:
        os._exit(0)  # the driver is gone: leave at once, also from the middle of a training


BEAT_S = 5.0
_sending = threading.Lock()


def _beat(events: TextIO) -> None:
    while True:
        _send(events, Beat())
        time.sleep(BEAT_S)


def _send(events: TextIO, event: Event) -> None:
    try:
        with _sending:
            events.write(encode(event) + "\n")
            events.flush()
    except BrokenPipeError:
        os._exit(0)


BROKEN = "CUDA error"
"""In the text of an error after which this process is of no more use."""
LOST = 3
"""Exit code: a new process may do better."""


@dataclass(frozen=True)
class Workplace:
    """What all jobs of a worker share."""

    data: DeviceData
    execution: ExecutionConfig
    calibration: Calibration
    measured: tuple[str, ...]
    limits: dict[str, float]
    measures_batches: bool


class OverLimitError(MgnasError):
    """A network costs more than is allowed."""


def _load(setup: dict[str, Any], events: TextIO) -> Workplace:
    import torch

    from search.study.objectives import no_energy
    from space.networks.plugins import load_plugins
    from trainers.data.open_data import open_data
    from trainers.data.splits import DataConfig
    from trainers.device.allocator import keep_freed_memory
    from trainers.device.calibration import Calibration
    from trainers.device.energy import EnergyMeter
    from trainers.device.execution import ExecutionConfig

    keep_freed_memory()
    if setup["threads"] is not None:
        torch.set_num_threads(setup["threads"])
    load_plugins(setup["plugins"])
    device = torch.device(setup["device"])
    if "energy_j" in setup["measured"] and EnergyMeter(device).joules() is None:
        raise InvalidInputError(no_energy(str(device)))
    return Workplace(
        open_data(
            DataConfig.model_validate(setup["data"]), device, setup["memory_share"], setup["device_share"]
        ),
        ExecutionConfig.model_validate(setup["execution"]),
        Calibration(
            device,
            setup["folder"],
            setup["memory_share"],
            tell=lambda: _send(events, Calibrating(device.type)),
        ),
        tuple(setup["measured"]),
        setup["limits"],
        setup["measures_batches"],
    )


def _train(job: dict[str, Any], place: Workplace, events: TextIO) -> None:
    import torch

    from space.networks.load import load_spec
    from trainers.checkpoint import CheckpointFile
    from trainers.data.streamed_data import LoaderLostError
    from trainers.health import TrainingFailedError
    from trainers.recipe import Recipe
    from trainers.training import Training, training_identity

    trial, data = job["trial"], place.data
    limits = place.limits if job["is_limited"] else {}
    began = time.perf_counter()
    try:
        spec, recipe = load_spec(job["spec"]), Recipe.model_validate(job["recipe"])
        file = CheckpointFile(job["checkpoint_path"], training_identity(spec, data, recipe, job["seed"]))
        mode = place.calibration.mode(spec, recipe, place.execution, data.search_data.image_size)
        mode = replace(mode, halvings=job["halvings"])
        before_training_s = time.perf_counter() - began
        training = Training(spec, data, recipe, job["seed"], mode, file)
        before_s = max(job["train_s"], sum(report.seconds for report in training.reports))
        if "latency_ms" in place.measured:
            latency_ms = job["known_costs"].get("latency_ms")
            if latency_ms is None:
                latency_ms = training.latency_ms()
                _send(events, Measured(trial, {"latency_ms": latency_ms}))
            _check("latency_ms", latency_ms, limits)
        for report in training.reports[job["known_epochs"] :]:
            _send(events, Epoch(trial, asdict(report)))
        _foretell(job, spec, recipe, place, events)
        for report in training.epochs(job["until"]):
            _send(events, Epoch(trial, asdict(report)))
            _check("energy_j", training.energy_j(), limits)
        if len(training.reports) < recipe.epochs:
            _send(events, Paused(trial, before_s + time.perf_counter() - began))
            return
        training.save(job["weights_path"])
        scores = training.scores or training.evaluate()
        ceiling = place.calibration.ceiling(bfloat16=training.mode.bfloat16)
        measured = asdict(training.measurements(ceiling))
        if measured["first_step_s"] is not None:
            measured["first_step_s"] += before_training_s
        if place.measures_batches and "latency_batch_ms" not in job["known_costs"]:
            measured |= _batch_latencies(training)
    except LoaderLostError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(LOST)
    except InvalidInputError as error:  # images that are read while they are trained on
        _send(events, Fatal(str(error)))
    except TrainingFailedError as error:
        is_named = not job["is_limited"]  # somebody chose its recipe, and may choose another
        _send(events, Failed(trial, f"{error}; {error.advice}" if is_named and error.advice else str(error)))
    except OverLimitError as error:
        _send(events, Failed(trial, str(error), is_over_limit=True))
    except (torch.OutOfMemoryError, MemoryError) as error:
        _send(events, Failed(trial, f"out of memory: {_first_line(error)}"))
    except OSError as error:
        file_name, is_full = error.filename or job["weights_path"], error.errno in DISK_FULL
        reason = explain_system_error(error)
        says = f"no space left for {file_name}" if is_full else f"cannot read or write {file_name}: {reason}"
        _send(events, Fatal(says, disk_full=is_full))
    except Exception as error:
        if BROKEN in str(error):
            os._exit(LOST)
        # the driver has to hear of every end of a training; the whole story goes to the worker's log
        sys.excepthook(type(error), error, error.__traceback__)
        _send(events, Failed(trial, f"{type(error).__name__}: {_first_line(error)}"))
    else:
        train_s = before_s + time.perf_counter() - began
        _send(events, Finished(trial, train_s, measured, list(scores.class_accuracies)))
        doubt = place.calibration.check(spec, recipe, place.execution, data.search_data.image_size)
        if doubt is not None:
            sys.stderr.write(f"{doubt}\n")
            sys.stderr.flush()


def _foretell(job: dict[str, Any], spec: Spec, recipe: Recipe, place: Workplace, events: TextIO) -> None:
    """Say that the training begins, and how long an epoch should take if calibration knows."""
    data = place.data.search_data
    epoch_s = place.calibration.foretold_epoch_s(
        spec, recipe, place.execution, data.image_size, len(data.train)
    )
    if epoch_s is not None:
        _send(events, Foretold(job["trial"], epoch_s))


def _batch_latencies(training: Training) -> dict[str, float | None]:
    """Return the latencies besides ``latency_ms``; nothing where memory does not do for them."""
    from trainers.device.memory import is_out_of_memory

    try:
        one, *large = training.latencies()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return {}
    found: dict[str, float | None] = {"latency_p95_ms": one.p95_ms}
    for entry in large:
        found |= {
            "latency_batch": entry.batch_size,
            "latency_batch_ms": entry.median_ms,
            "latency_batch_p95_ms": entry.p95_ms,
        }
    return found


def _check(name: str, value: float | None, limits: dict[str, float]) -> None:
    if name in limits and value is not None and value > limits[name]:
        raise OverLimitError(f"{name} {value:.7g} > max_{name} {limits[name]:.7g}")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:300]


if __name__ == "__main__":
    main()
