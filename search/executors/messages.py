"""The messages between driver and workers: frozen dataclasses. ``message_lines`` writes them as lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import ConfigDict

from space.core.reports import EpochReport, TrainingCosts
from trainers.data.config import DataConfig
from trainers.device.execution import ExecutionConfig
from trainers.recipe import Recipe


@dataclass(frozen=True)
class Message:
    """The base of all messages. Decoding refuses unknown and missing fields and values of another type."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Setup(Message):
    """The first line to a worker: the settings of all its jobs.

    Attributes:
        data: The images.
        execution: How the device computes a step.
        folder: The folder of the device calibration.
        plugins: Python files that register families.
        memory_share: This worker's fraction of the machine's free memory.
        device_share: This worker's fraction of the GPU's memory.
        measured: The objectives that the worker measures for each network.
        measures_batches: Whether the worker also measures the latency of a large batch.
        limits: The upper limit of each measured objective that has one.
        measures_int8: Whether the worker quantises each trained network and evaluates its integers.
        device: The torch device.
        threads: Threads of torch; None keeps torch's default.
        teacher: The file of the teacher's weights; None without one.
    """

    data: DataConfig
    execution: ExecutionConfig
    folder: str
    plugins: tuple[str, ...] = ()
    memory_share: float = 1.0
    device_share: float = 1.0
    measured: tuple[str, ...] = ()
    measures_batches: bool = False
    limits: dict[str, float] = field(default_factory=dict)
    measures_int8: bool = False
    device: str = "cpu"
    threads: int | None = 1
    teacher: str | None = None


@dataclass(frozen=True)
class Job(Message):
    """One training, or the part of it up to a rung.

    Attributes:
        trial: The number of the trial.
        spec: The network as plain data, see ``space.networks.load.load_spec``.
        recipe: The training recipe.
        seed: The seed of the training.
        weights_path: The file for the trained weights.
        checkpoint_path: The checkpoint file; the training resumes from it if it belongs to this training.
        known_epochs: Epochs whose reports the driver already has.
        known_latency_ms: The latency of the network, if it was measured before.
        knows_batch_latency: Whether the latency of a large batch was measured before.
        is_limited: Whether the limits of ``Setup`` apply, as for networks that a search proposed.
        micro_batch_halvings: How often the micro-batch is halved, after workers were killed for their memory.
        train_s: Wall time of the training's earlier jobs.
        until: The epoch after which the training pauses; None trains to the recipe's last epoch.
        is_alone: Whether no other training runs on the device; then all its memory belongs to this one.
    """

    trial: int
    spec: dict[str, Any]
    recipe: Recipe
    seed: int
    weights_path: str
    checkpoint_path: str
    known_epochs: int = 0
    known_latency_ms: float | None = None
    knows_batch_latency: bool = False
    is_limited: bool = True
    micro_batch_halvings: int = 0
    train_s: float = 0.0
    until: int | None = None
    is_alone: bool = False


@dataclass(frozen=True)
class Ready(Message):
    """The worker has loaded its images and waits for jobs."""


@dataclass(frozen=True)
class Calibrating(Message):
    """The worker measures the fastest training mode of its device, before it trains."""

    device: str


@dataclass(frozen=True)
class Predicted(Message):
    """The first epoch of a job begins; calibration predicts ``epoch_s`` seconds for each epoch."""

    trial: int
    epoch_s: float


@dataclass(frozen=True)
class Epoch(Message):
    """A training completed an epoch."""

    trial: int
    report: EpochReport


@dataclass(frozen=True)
class Measured(Message):
    """The worker measured the latency of a network before its training."""

    trial: int
    latency_ms: float


@dataclass(frozen=True)
class Paused(Message):
    """A training reached its rung, and its checkpoint is on disk.

    ``train_s`` is the wall time of its jobs. After a killed job it is at least the time of all epochs.
    """

    trial: int
    train_s: float


@dataclass(frozen=True)
class BatchLatency:
    """The latency of one image (95th percentile) and of a large batch of ``latency_batch`` images."""

    latency_p95_ms: float
    latency_batch: int | None = None
    latency_batch_ms: float | None = None
    latency_batch_p95_ms: float | None = None


@dataclass(frozen=True)
class Finished(Message):
    """A training is complete, and its weights are on disk.

    Attributes:
        trial: The number of the trial.
        train_s: Wall time, as in ``Paused``.
        costs: The cost of the training; None in a simulation.
        latency: The further latencies of the network; None if they were not measured.
        class_accuracies: Accuracies in the order of the classes; None for a class without images.
        int8_accuracy: Validation accuracy of the int8 network; None if it was not measured.
    """

    trial: int
    train_s: float
    costs: TrainingCosts | None = None
    latency: BatchLatency | None = None
    class_accuracies: tuple[float | None, ...] = ()
    int8_accuracy: float | None = None


@dataclass(frozen=True)
class Failed(Message):
    """A training ended without a network and is not repeated.

    ``is_over_limit`` says that the network exceeds a limit of the study; the training itself had no error.
    ``is_memory`` says that memory ran out.
    """

    trial: int
    reason: str
    is_over_limit: bool = False
    is_memory: bool = False


@dataclass(frozen=True)
class Lost(Message):
    """A worker died during a training; ``is_memory`` says that the out-of-memory killer ended it."""

    trial: int
    reason: str
    is_memory: bool = False


@dataclass(frozen=True)
class Deferred(Message):
    """A training ran out of memory beside others; it waits until it can run again alone on its device.

    Attributes:
        trial: The number of the trial.
        reason: What did not fit.
        device: The torch device, with the number of the GPU.
    """

    trial: int
    reason: str
    device: str

    def text(self) -> str:
        """Return the event as one line."""
        return f"trial {self.trial}: {self.reason}; it runs again alone on {self.device}"


@dataclass(frozen=True)
class Beat(Message):
    """The heartbeat of a worker process; only the executor uses it.

    ``work`` changes while the worker makes progress: seconds of the processor while it loads, then steps.
    """

    work: float = 0.0


@dataclass(frozen=True)
class Silent(Message):
    """A worker has sent no heartbeat, or its training has made no progress, for ``seconds``."""

    trial: int
    reason: str
    seconds: float


@dataclass(frozen=True)
class Recovered(Message):
    """A ``Silent`` worker continues."""

    trial: int


@dataclass(frozen=True)
class Placed(Message):
    """A job was given to a worker.

    Attributes:
        trial: The number of the trial.
        slot: The number of the worker's slot.
        device: The torch device.
        host: The name of the machine.
        pid: The process of the worker.
    """

    trial: int
    slot: int
    device: str
    host: str
    pid: int


@dataclass(frozen=True)
class Retired(Message):
    """A slot is given up, since its workers die before they are ready; the other slots continue.

    Attributes:
        slot: The number of the slot.
        device: Its torch device, with the number of the GPU.
        reason: How the last worker ended.
        log: The file with the output of its workers.
        num_left: The number of slots that continue.
    """

    slot: int
    device: str
    reason: str
    log: str
    num_left: int

    def text(self) -> str:
        """Return the event as one line."""
        others = "the other worker continues" if self.num_left == 1 else f"the other {self.num_left} continue"
        return (
            f"warning: worker {self.slot} on {self.device} is given up, since it does not start "
            f"({self.reason}); {others}. See the end of {self.log} for the reason"
        )


@dataclass(frozen=True)
class Remark(Message):
    """The executor tells the user something that concerns no trial, such as a node that joined the cluster."""

    text: str


@dataclass(frozen=True)
class Fatal(Message):
    """No worker can continue: bad images, a full disk, or workers that die at start."""

    reason: str
    disk_full: bool = False


Event = (
    Ready | Calibrating | Predicted | Measured | Epoch | Paused | Finished | Failed | Lost | Fatal
    | Beat | Silent | Recovered | Placed | Deferred | Retired | Remark
)  # fmt: skip
