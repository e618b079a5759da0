"""The workplace of a worker: its device, with the images on it. All jobs of the worker share it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from search.executors.images import SizedImages
from search.executors.messages import Calibrating, Event, Setup
from space.core.errors import InvalidInputError

if TYPE_CHECKING:
    from trainers.data.device_data import DeviceData
    from trainers.device.calibration import Calibration
    from trainers.device.execution import ExecutionConfig
    from trainers.recipe import Recipe
    from trainers.teacher import Teacher

EventSink = Callable[[Event], None]
"""Takes the events of a worker in order: a pipe to the driver, or the stream of an actor."""


def process_time() -> float:
    """Return the time of the processor in this process, in tenths of a second."""
    return round(time.process_time(), 1)


class Heart:
    """The measure of progress that heartbeats carry.

    Attributes:
        work: Returns a number that changes while the worker makes progress; loading uses the processor.
    """

    def __init__(self) -> None:
        self.work: Callable[[], float] = process_time

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
    load_sized: Callable[[int], DeviceData] | None = None
    teacher: str | None = None

    @cached_property
    def _images(self) -> SizedImages:
        return SizedImages(self.data, self.load_sized or _no_other_size)

    def images_of(self, recipe: Recipe) -> DeviceData:
        """Return the images of a training, in the size of its recipe.

        Raises:
            InvalidInputError: The files cannot be read.
        """
        return self._images.of(recipe.image_size)

    @cached_property
    def _teachers(self) -> dict[tuple[str, int | None], Teacher]:
        return {}

    def teacher_of(self, recipe: Recipe) -> Teacher | None:
        """Return the teacher of a training on the device; None if its recipe has none.

        Raises:
            InvalidInputError: The file of its weights is missing or another one, or its images have another size.
        """
        if recipe.teacher is None:
            return None
        from trainers.teacher import load_teacher

        key = recipe.teacher, recipe.image_size
        if key not in self._teachers:
            self._teachers[key] = load_teacher(self.teacher or "", recipe.teacher, self.images_of(recipe))
        return self._teachers[key]


def _no_other_size(side: int) -> DeviceData:
    raise AssertionError(f"this workplace has no images of {side} pixels")


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
    own_heart = heart or Heart()

    def load(side: int | None = None) -> DeviceData:
        own_heart.work = process_time
        return open_data(setup.data.sized(side), device, setup.memory_share, setup.device_share)

    return Workplace(
        load(),
        setup.execution,
        Calibration(device, setup.folder, share, tell=lambda: tell(Calibrating(device.type))),
        setup.measured,
        setup.limits,
        setup.measures_batches,
        setup.measures_int8,
        own_heart,
        load,
        setup.teacher,
    )
