"""What drivers and workers say to each other: plain data, as JSON a line each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Setup:
    """The first line to a worker: what holds for all of its jobs.

    ``data`` and ``execution`` are those sections of the study; ``folder`` is where the calibration of the
    device is kept; ``memory_share`` of the machine's free memory is this worker's, and ``device_share`` of
    its GPU's. ``measured`` are the costs that are to be measured of every network, ``limits`` the most that
    is allowed of them. A worker that ``measures_batches`` also measures the latency of a large batch.
    """

    data: dict[str, Any]
    execution: dict[str, Any]
    folder: str
    plugins: tuple[str, ...] = ()
    memory_share: float = 1.0
    device_share: float = 1.0
    measured: tuple[str, ...] = ()
    measures_batches: bool = False
    limits: dict[str, float] = field(default_factory=dict)
    device: str = "cpu"
    threads: int | None = 1


@dataclass(frozen=True)
class Job:
    """Train the network ``spec`` by ``recipe`` from ``seed``, and leave its weights in ``weights_path``.

    It goes on from ``checkpoint_path`` if that has a checkpoint of this training; ``known_epochs`` is the
    number of epochs whose reports have been written down already, and ``known_costs`` what was measured,
    whose limits hold if it ``is_limited``, as networks are that a search chose. Earlier jobs of it took
    ``train_s`` seconds. At once it works on a batch halved ``halvings`` times, since for more there was no
    memory. It ends with epoch ``until``, from which another job may go on, or (None) with the recipe's last.
    """

    trial: int
    spec: dict[str, Any]
    recipe: dict[str, Any]
    seed: int
    weights_path: str
    checkpoint_path: str
    known_epochs: int = 0
    known_costs: dict[str, float | None] = field(default_factory=dict)
    is_limited: bool = True
    halvings: int = 0
    train_s: float = 0.0
    until: int | None = None


@dataclass(frozen=True)
class Ready:
    """A worker has its data in place and waits for jobs."""


@dataclass(frozen=True)
class Calibrating:
    """A worker measures how its device trains fastest, before it trains."""

    device: str


@dataclass(frozen=True)
class Foretold:
    """The first epoch of a job begins; ``epoch_s`` is what calibration expects an epoch to take."""

    trial: int
    epoch_s: float


@dataclass(frozen=True)
class Epoch:
    """A training went one epoch further; ``report`` has the fields of ``trainers.reports.EpochReport``."""

    trial: int
    report: dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """The costs of a network were measured before its training; ``costs`` by the names of ``objectives``."""

    trial: int
    costs: dict[str, float | None]


@dataclass(frozen=True)
class Paused:
    """A training has come to the epoch it was to be trained to, and its checkpoint is on disk.

    ``train_s`` is the wall time of its jobs; up to one that was killed, at least that of all epochs.
    """

    trial: int
    train_s: float


@dataclass(frozen=True)
class Finished:
    """A training is complete and its weights are on disk.

    ``train_s`` is the wall time as in ``Paused``; ``measured`` has the fields of
    ``trainers.device.measurements.Measurements``; ``class_accuracies`` are in the order of the classes.
    """

    trial: int
    train_s: float
    measured: dict[str, Any]
    class_accuracies: list[float | None] = field(default_factory=list)


@dataclass(frozen=True)
class Failed:
    """A training ended without a network; it is not trained again.

    What ``is_over_limit`` was given up for what it costs, and nothing is wrong with it.
    """

    trial: int
    reason: str
    is_over_limit: bool = False


@dataclass(frozen=True)
class Lost:
    """A worker went away during a training, for a reason outside of it.

    Where ``is_memory``, the system has killed it for want of memory.
    """

    trial: int
    reason: str
    is_memory: bool = False


@dataclass(frozen=True)
class Beat:
    """A sign of life of a worker's process; the executor alone takes note of it."""


@dataclass(frozen=True)
class Silent:
    """A worker gives no sign of life, or its training makes no progress, since ``seconds``."""

    trial: int
    reason: str
    seconds: float


@dataclass(frozen=True)
class Recovered:
    """A worker that was ``Silent`` goes on."""

    trial: int


@dataclass(frozen=True)
class Fatal:
    """No worker can go on: the data cannot be loaded, the disk is full, workers die at their start."""

    reason: str
    disk_full: bool = False


Event = (
    Ready | Calibrating | Foretold | Measured | Epoch | Paused | Finished | Failed | Lost | Fatal
    | Beat | Silent | Recovered
)  # fmt: skip
_KINDS: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (Ready, Calibrating, Foretold, Measured, Epoch, Paused, Finished, Failed, Lost, Fatal, Beat)
}


def encode(message: Setup | Job | Event) -> str:
    """Return a message as one line of JSON, its kind included."""
    return json.dumps({"kind": type(message).__name__, **asdict(message)}, separators=(",", ":"))


def decode_event(line: str) -> Event:
    """Return the event in a line that ``encode`` wrote; raises ValueError for any other line."""
    data = json.loads(line)
    kind = data.pop("kind", None) if isinstance(data, dict) else None
    if kind not in _KINDS:
        raise ValueError(f"not an event: {line[:80]!r}")
    event: Event = _KINDS[kind](**data)
    return event
