"""What driver and actors exchange besides jobs and events. Ray pickles it; a cluster trusts its driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from search.executors.messages import Event, Setup


@dataclass(frozen=True)
class Probe:
    """A file in the study's folder: a node that reads its text there shares the folder with the driver.

    Attributes:
        path: The file.
        text: Its content.
        logs: The folder for the output of workers that share the study's folder.
    """

    path: str
    text: str
    logs: str


@dataclass(frozen=True)
class Plugin:
    """A plugin that the user named: the file's name and its content."""

    name: str
    source: bytes


@dataclass(frozen=True)
class Order:
    """The first message to an actor.

    Attributes:
        setup: The settings of all jobs.
        fingerprint: The identity of the study's images.
        probe: How the actor finds out whether it shares the study's folder.
        study: The identity of the study's folder, as the name of a folder.
        plugins: The plugins of the study.
        versions: The versions of the driver's packages.
        teacher: The file of the teacher's weights; None without a teacher.
    """

    setup: Setup
    fingerprint: str
    probe: Probe
    study: str
    plugins: tuple[Plugin, ...]
    versions: dict[str, str]
    teacher: bytes | None = None


@dataclass(frozen=True)
class Opened:
    """The first answer of an actor.

    Attributes:
        host: The name of the actor's machine.
        pid: The actor's process.
        is_shared: Whether the node shares the study's folder.
        gpus: The numbers of its GPUs on that machine; none on CPU cores.
    """

    host: str
    pid: int
    is_shared: bool
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class NeedsImages:
    """The node does not have the images of the study; ``reason`` says what it found."""

    reason: str


@dataclass(frozen=True)
class Saved:
    """A file of a training on a node that does not share the study's folder.

    Attributes:
        trial: The number of the trial.
        kind: Which of the job's files it is.
        content: The bytes of the file.
    """

    trial: int
    kind: Literal["checkpoint", "weights"]
    content: bytes


Answer = Event | Opened | NeedsImages | Saved
"""One item of an actor's stream."""
