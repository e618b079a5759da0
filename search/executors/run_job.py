"""One job of a worker: a training, or the part of it up to a rung, and its events."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from search.executors.messages import (
    BatchLatency,
    Epoch,
    Failed,
    Fatal,
    Finished,
    Job,
    Measured,
    Paused,
    Predicted,
)
from search.executors.workplace import EventSink, Workplace
from space.core.errors import InvalidInputError, MgnasError
from space.core.system_errors import DISK_FULL, explain_system_error

if TYPE_CHECKING:
    from space.networks.spec import Spec
    from trainers.health import TrainingFailedError
    from trainers.training import Training

BROKEN = "CUDA error"
"""The text of errors after which CUDA does not work in this process."""
LOST = 3
"""Exit code that asks for a new process."""


class OverLimitError(MgnasError):
    """A network exceeds a limit of the study."""


def run_job(job: Job, place: Workplace, tell: EventSink) -> None:
    """Carry a job out and tell its events; every end of a training is one event, or the end of this process.

    The memory of the training is free before its end is told: the next training on the device may need it.

    Args:
        job: The training, or the part of it up to a rung.
        place: The device with the images.
        tell: Takes the events in order.
    """
    from trainers.device.memory import give_back_memory

    end = _end_of(job, place, tell)
    place.heart.rest()  # it refers to the training
    give_back_memory(place.data.device)
    tell(end)
    if isinstance(end, Finished):
        _check_calibration(job, place)


def _end_of(job: Job, place: Workplace, tell: EventSink) -> Paused | Finished | Failed | Fatal:
    """Train to the job's last epoch and return the closing event, also of an error."""
    import torch

    from trainers.device.memory import is_out_of_memory
    from trainers.health import TrainingFailedError

    trial = job.trial
    try:
        return _train_to_end(job, place, tell)
    except InvalidInputError as error:  # images that are loaded during the training
        return Fatal(str(error))
    except TrainingFailedError as error:
        return _failed(job, error)
    except OverLimitError as error:
        return Failed(trial, str(error), is_over_limit=True)
    except (torch.OutOfMemoryError, MemoryError) as error:
        return _no_memory(job, _first_line(error))
    except OSError as error:
        return system_error(error, job.weights_path)
    except Exception as error:
        if BROKEN in str(error):
            os._exit(LOST)
        # the driver needs an event for every end; the log gets the traceback
        sys.excepthook(type(error), error, error.__traceback__)
        if is_out_of_memory(error):
            return _no_memory(job, _first_line(error))
        return Failed(trial, f"{type(error).__name__}: {_first_line(error)}")


def _failed(job: Job, error: TrainingFailedError) -> Failed:
    from trainers.device.memory import NoRoomError

    is_named = not job.is_limited  # the user chose its recipe and can change it
    advice = f"; {error.advice}" if is_named and error.advice else ""
    if isinstance(error, NoRoomError):
        return Failed(job.trial, f"{error}{_where(job)}{advice}", is_memory=True)
    return Failed(job.trial, f"{error}{advice}")


def _no_memory(job: Job, reason: str) -> Failed:
    return Failed(job.trial, f"out of memory: {reason}{_where(job)}", is_memory=True)


def _where(job: Job) -> str:
    return ", alone on the device" if job.is_alone else ""


def _train_to_end(job: Job, place: Workplace, tell: EventSink) -> Paused | Finished:
    """Train to the job's last epoch and return the closing event.

    Raises:
        OverLimitError: The network exceeds a limit.
        TrainingFailedError: The training has no usable network.
    """
    from space.networks.load import load_spec
    from trainers.checkpoint import CheckpointFile
    from trainers.training import Training, training_identity

    began = time.perf_counter()
    data, recipe, spec = place.images_of(job.recipe), job.recipe, load_spec(job.spec)
    limits = place.limits if job.is_limited else {}
    file = CheckpointFile(job.checkpoint_path, training_identity(spec, data, recipe, job.seed))
    mode = place.calibration.mode(spec, recipe, place.execution, data.search_data.image_size)
    share = 1.0 if job.is_alone else mode.memory_share
    mode = replace(mode, micro_batch_halvings=job.micro_batch_halvings, memory_share=share)
    before_training_s = time.perf_counter() - began
    training = Training(spec, data, recipe, job.seed, mode, file, place.teacher_of(recipe))
    place.heart.work = lambda: training.num_passes
    before_s = max(job.train_s, sum(report.seconds for report in training.reports))
    if "latency_ms" in place.measured:
        _check("latency_ms", _latency_ms(job, training, tell), limits)
    for report in training.reports[job.known_epochs :]:
        tell(Epoch(job.trial, report))
    _foretell(job, spec, place, tell)
    for report in training.epochs(job.until):
        tell(Epoch(job.trial, report))
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
    int8_accuracy = _int8_accuracy(training) if place.measures_int8 else None
    train_s = before_s + time.perf_counter() - began
    return Finished(job.trial, train_s, measured, latency, scores.class_accuracies, int8_accuracy)


def _int8_accuracy(training: Training) -> float:
    """Return the recipe's metric of the trained network in integers.

    Raises:
        TrainingFailedError: The network has no int8 code.
    """
    from search.frontier.threads import one_thread
    from trainers.quantised import evaluate_int8, quantised

    with one_thread():
        network = quantised(training.spec, training.weights(), training.data)
    accuracy: float = getattr(evaluate_int8(network, training.data), training.recipe.metric)
    return accuracy


def _latency_ms(job: Job, training: Training, tell: EventSink) -> float:
    """Return the latency of the job's network; measure and report it if it is unknown."""
    if job.known_latency_ms is not None:
        return job.known_latency_ms
    latency_ms = training.latency_ms()
    tell(Measured(job.trial, latency_ms))
    return latency_ms


def _check_calibration(job: Job, place: Workplace) -> None:
    """Log a warning if the calibration of the job's class of networks is out of date."""
    from space.networks.load import load_spec

    image_size = place.images_of(job.recipe).search_data.image_size
    doubt = place.calibration.check(load_spec(job.spec), job.recipe, place.execution, image_size)
    if doubt is not None:
        sys.stderr.write(f"{doubt}\n")
        sys.stderr.flush()


def system_error(error: OSError, file: str) -> Fatal:
    """Return the end of a search whose file ``file`` cannot be read or written, with the reason."""
    name, is_full = error.filename or file, error.errno in DISK_FULL
    reason = explain_system_error(error)
    says = f"no space left for {name}" if is_full else f"cannot read or write {name}: {reason}"
    return Fatal(says, disk_full=is_full)


def _foretell(job: Job, spec: Spec, place: Workplace, tell: EventSink) -> None:
    """Report the predicted time of an epoch, if calibration can predict it."""
    data = place.images_of(job.recipe).search_data
    epoch_s = place.calibration.foretold_epoch_s(
        spec, job.recipe, place.execution, data.image_size, len(data.train), len(data.val)
    )
    if epoch_s is not None:
        tell(Predicted(job.trial, epoch_s))


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
