"""A worker: a process that loads the images onto its device once, then trains one job after another.

The local executor starts it as ``python -m search.executors.worker``. It reads jobs from standard input and
writes events to standard output. It ends when standard input closes, so no worker outlives its driver.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TextIO

from search.executors.messages import (
    BatchLatency,
    Beat,
    Calibrating,
    Epoch,
    Event,
    Failed,
    Fatal,
    Finished,
    Job,
    Measured,
    Paused,
    Predicted,
    Ready,
    Setup,
    decode,
    encode,
)
from space.core.errors import InvalidInputError, MgnasError
from space.core.system_errors import DISK_FULL, explain_system_error

if TYPE_CHECKING:
    from space.networks.spec import Spec
    from trainers.data.device_data import DeviceData
    from trainers.device.calibration import Calibration
    from trainers.device.execution import ExecutionConfig
    from trainers.training import Training


def main() -> None:
    """Serve jobs until standard input closes."""
    # libraries may print to standard output: send that to the log, away from the events
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read_lines, args=(lines,), daemon=True).start()
    threading.Thread(target=_beat, args=(events,), daemon=True).start()
    try:
        place = _load(decode(lines.get(), Setup), events)
    except MgnasError as error:
        _send(events, Fatal(str(error)))
        return
    _send(events, Ready())
    while True:
        _train(decode(lines.get(), Job), place, events)


def _read_lines(lines: queue.Queue[str]) -> None:
    try:
        for line in sys.stdin:
            lines.put(line)
    finally:
        os._exit(0)  # the driver is gone: exit at once, even during a training


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
"""The text of errors after which CUDA does not work in this process."""
LOST = 3
"""Exit code that asks for a new process."""


@dataclass(frozen=True)
class Workplace:
    """The resources that all jobs of a worker share."""

    data: DeviceData
    execution: ExecutionConfig
    calibration: Calibration
    measured: tuple[str, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)
    measures_batches: bool = False


class OverLimitError(MgnasError):
    """A network exceeds a limit of the study."""


def _load(setup: Setup, events: TextIO) -> Workplace:
    import torch

    from search.study.objectives import no_energy
    from space.networks.plugins import load_plugins
    from trainers.data.open_data import open_data
    from trainers.device.allocator import keep_freed_memory
    from trainers.device.calibration import Calibration
    from trainers.device.energy import EnergyMeter

    keep_freed_memory()
    if setup.threads is not None:
        torch.set_num_threads(setup.threads)
    load_plugins(setup.plugins)
    device = torch.device(setup.device)
    if "energy_j" in setup.measured and EnergyMeter(device).joules() is None:
        raise InvalidInputError(no_energy(str(device)))
    return Workplace(
        open_data(setup.data, device, setup.memory_share, setup.device_share),
        setup.execution,
        Calibration(
            device,
            setup.folder,
            setup.memory_share,
            tell=lambda: _send(events, Calibrating(device.type)),
        ),
        setup.measured,
        setup.limits,
        setup.measures_batches,
    )


def _train(job: Job, place: Workplace, events: TextIO) -> None:
    """Carry a job out and send its events; every end of a training is one event, or the end of this process."""
    import torch

    from trainers.health import TrainingFailedError

    trial = job.trial
    try:
        end = _train_to_end(job, place, events)
    except InvalidInputError as error:  # images that are loaded during the training
        _send(events, Fatal(str(error)))
    except TrainingFailedError as error:
        is_named = not job.is_limited  # the user chose its recipe and can change it
        _send(events, Failed(trial, f"{error}; {error.advice}" if is_named and error.advice else str(error)))
    except OverLimitError as error:
        _send(events, Failed(trial, str(error), is_over_limit=True))
    except (torch.OutOfMemoryError, MemoryError) as error:
        _send(events, Failed(trial, f"out of memory: {_first_line(error)}"))
    except OSError as error:
        _send(events, _system_error(error, job))
    except Exception as error:
        if BROKEN in str(error):
            os._exit(LOST)
        # the driver needs an event for every end; the log gets the traceback
        sys.excepthook(type(error), error, error.__traceback__)
        _send(events, Failed(trial, f"{type(error).__name__}: {_first_line(error)}"))
    else:
        _send(events, end)
        if isinstance(end, Finished):
            _check_calibration(job, place)


def _train_to_end(job: Job, place: Workplace, events: TextIO) -> Paused | Finished:
    """Train to the job's last epoch and return the closing event.

    Raises:
        OverLimitError: The network exceeds a limit.
    """
    from space.networks.load import load_spec
    from trainers.checkpoint import CheckpointFile
    from trainers.training import Training, training_identity

    began = time.perf_counter()
    data, recipe, spec = place.data, job.recipe, load_spec(job.spec)
    limits = place.limits if job.is_limited else {}
    file = CheckpointFile(job.checkpoint_path, training_identity(spec, data, recipe, job.seed))
    mode = place.calibration.mode(spec, recipe, place.execution, data.search_data.image_size)
    mode = replace(mode, micro_batch_halvings=job.micro_batch_halvings)
    before_training_s = time.perf_counter() - began
    training = Training(spec, data, recipe, job.seed, mode, file)
    before_s = max(job.train_s, sum(report.seconds for report in training.reports))
    if "latency_ms" in place.measured:
        _check("latency_ms", _latency_ms(job, training, events), limits)
    for report in training.reports[job.known_epochs :]:
        _send(events, Epoch(job.trial, report))
    _foretell(job, spec, place, events)
    for report in training.epochs(job.until):
        _send(events, Epoch(job.trial, report))
        _check("energy_j", training.energy_j(), limits)
    if len(training.reports) < recipe.epochs:
        return Paused(job.trial, before_s + time.perf_counter() - began)
    training.save(job.weights_path)
    scores = training.scores or training.evaluate()
    measured = training.measurements(place.calibration.peak_throughput(bfloat16=training.mode.bfloat16))
    if measured.first_step_s is not None:
        measured = replace(measured, first_step_s=measured.first_step_s + before_training_s)
    latency = None
    if place.measures_batches and not job.knows_batch_latency:
        latency = _batch_latency(training)
    train_s = before_s + time.perf_counter() - began
    return Finished(job.trial, train_s, measured, latency, scores.class_accuracies)


def _latency_ms(job: Job, training: Training, events: TextIO) -> float:
    """Return the latency of the job's network; measure and report it if it is unknown."""
    if job.known_latency_ms is not None:
        return job.known_latency_ms
    latency_ms = training.latency_ms()
    _send(events, Measured(job.trial, latency_ms))
    return latency_ms


def _check_calibration(job: Job, place: Workplace) -> None:
    """Log a warning if the calibration of the job's class of networks is out of date."""
    from space.networks.load import load_spec

    image_size = place.data.search_data.image_size
    doubt = place.calibration.check(load_spec(job.spec), job.recipe, place.execution, image_size)
    if doubt is not None:
        _log(doubt)


def _system_error(error: OSError, job: Job) -> Fatal:
    file_name, is_full = error.filename or job.weights_path, error.errno in DISK_FULL
    reason = explain_system_error(error)
    says = f"no space left for {file_name}" if is_full else f"cannot read or write {file_name}: {reason}"
    return Fatal(says, disk_full=is_full)


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _foretell(job: Job, spec: Spec, place: Workplace, events: TextIO) -> None:
    """Report the predicted time of an epoch, if calibration can predict it."""
    data = place.data.search_data
    epoch_s = place.calibration.foretold_epoch_s(
        spec, job.recipe, place.execution, data.image_size, len(data.train), len(data.val)
    )
    if epoch_s is not None:
        _send(events, Predicted(job.trial, epoch_s))


def _batch_latency(training: Training) -> BatchLatency | None:
    """Return the latencies besides ``latency_ms``; None where memory is too small for them."""
    from trainers.device.memory import is_out_of_memory

    try:
        one, *large = training.latencies()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    if not large:
        return BatchLatency(one.p95_ms)
    return BatchLatency(one.p95_ms, large[-1].batch_size, large[-1].median_ms, large[-1].p95_ms)


def _check(name: str, value: float | None, limits: dict[str, float]) -> None:
    if name in limits and value is not None and value > limits[name]:
        raise OverLimitError(f"{name} {value:.7g} > max_{name} {limits[name]:.7g}")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:300]


if __name__ == "__main__":
    main()
