"""The first message to the actors of a study."""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from search.executors.messages import Setup
from search.executors.ray.demand import Demand
from search.executors.ray.protocol import Order, Plugin, Probe
from search.executors.ray.versions import versions
from space.core.atomic_files import write_atomic


@dataclass(frozen=True)
class StudyHome:
    """The study on the driver's machine.

    Attributes:
        folder: The study's folder.
        logs: The folder for the output of workers that share the study's folder.
        fingerprint: The identity of the study's images.
    """

    folder: Path
    logs: Path
    fingerprint: str


def make_order(setup: Setup, demand: Demand, home: StudyHome) -> Order:
    """Return the first message to the actors of a study, and write the probe into its folder.

    Args:
        setup: The settings of all jobs.
        demand: What a worker takes of a node.
        home: The study on the driver's machine.

    Raises:
        OSError: The study's folder cannot be written, or a plugin or the teacher cannot be read.
    """
    text = secrets.token_hex(16)
    folder = home.folder.absolute()
    # a driver that is killed leaves the file; the next one removes such names
    probe = write_atomic(folder / f".shared.{os.getpid()}.part", text)
    plugins = tuple(Plugin(Path(path).name, Path(path).read_bytes()) for path in setup.plugins)
    study = hashlib.sha256(f"{platform.node()} {folder}".encode()).hexdigest()[:16]
    threads = demand.threads if demand.device == "cpu" else setup.threads
    setup = replace(setup, device=demand.device, threads=threads)
    return Order(
        setup,
        home.fingerprint,
        Probe(str(probe), text, str(home.logs.absolute())),
        study,
        plugins,
        versions(),
        None if setup.teacher is None else Path(setup.teacher).read_bytes(),
    )
