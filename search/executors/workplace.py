"""The workplace of a worker: its device, with the images on it. All jobs of the worker share it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search.executors.messages import Calibrating, Event, Setup
from space.core.errors import InvalidInputError

if TYPE_CHECKING:
    from trainers.data.device_data import DeviceData
    from trainers.device.calibration import Calibration
    from trainers.device.execution import ExecutionConfig

EventSink = Callable[[Event], None]
"""Takes the events of a worker in order: a pipe to the driver, or the stream of an actor."""


class Heart:
    """The measure of progress that heartbeats carry.

    Attributes:
        work: Returns a number that changes while the worker makes progress; loading uses the processor.
    """

    def __init__(self) -> None:
        self.work: Callable[[], float] = lambda: round(time.process_time(), 1)

    def rest(self) -> None:
        """Show no progress: the worker has no training."""
        self.work = lambda: 0.0


@dataclass(frozen=True)
class Workplace:
    """The resources that all jobs of a worker share."""

    data: DeviceData
    execution: ExecutionConfig
    calibration: Calibration
    measured: tuple[str, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)
    measures_batches: bool = False
    measures_int8: bool = False
    heart: Heart = field(default_factory=Heart)


def open_workplace(setup: Setup, tell: EventSink, heart: Heart | None = None) -> Workplace:
    """Return the workplace of a worker, with the images on its device.

    Args:
        setup: The settings of all jobs.
        tell: Takes the event of a calibration that begins.
        heart: The progress that heartbeats carry, if there are any.

    Raises:
        InvalidInputError: The images, a plugin, or the device cannot be used.
    """
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
    share = setup.device_share if device.type == "cuda" else setup.memory_share
    if "energy_j" in setup.measured and EnergyMeter(device).joules() is None:
        raise InvalidInputError(no_energy(str(device)))
    return Workplace(
        open_data(setup.data, device, setup.memory_share, setup.device_share),
        setup.execution,
        Calibration(device, setup.folder, share, tell=lambda: tell(Calibrating(device.type))),
        setup.measured,
        setup.limits,
        setup.measures_batches,
        setup.measures_int8,
        heart or Heart(),
    )
