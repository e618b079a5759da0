"""Probe networks, each of which represents a class of networks, and the time of a training step on them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from space.networks.spec import Spec
from space.notation.parse import parse_notation
from trainers.data.device_data import Batch
from trainers.device.cuda_graph import WARM_UP_STEPS
from trainers.device.execution import StepMode
from trainers.recipe import Recipe
from trainers.step import TrainStep

REPEATS = 2
"""Timed steps of one round, after the warm-up."""


@dataclass(frozen=True)
class Probe:
    """The network that represents all networks of up to ``most_macs`` MACs, and its images.

    Attributes:
        name: The name of the class.
        most_macs: The largest number of MACs of its networks, for one image.
        notation: The network that is timed.
        image_size: Its height and width in pixels.
        batch_size: Its images of a step.
        overhead: The fraction of its step that depends on the number of operations.
        traffic: The fraction that depends on the bytes of activations. The rest depends on the MACs. Both fractions
            are those of ``benchmarks/step_time.py`` on a CPU; on GPUs they are not known.
    """

    name: str
    most_macs: float
    notation: str
    image_size: int
    batch_size: int
    overhead: float = 0.0
    traffic: float = 0.0

    def relative_step_s(self, spec: Spec, image_size: tuple[int, int], batch_size: int) -> float:
        """Return the expected time of a step of a network, in steps of the probe.

        Args:
            spec: The network.
            image_size: Height and width in pixels.
            batch_size: Images of the step.
        """
        ours = step_work(spec, image_size, batch_size)
        probes = step_work(parse_notation(self.notation), (self.image_size, self.image_size), self.batch_size)
        operations, activations, macs = (a / b for a, b in zip(ours, probes, strict=True))
        return (
            self.overhead * operations
            + self.traffic * activations
            + (1 - self.overhead - self.traffic) * macs
        )


def step_work(spec: Spec, image_size: tuple[int, int], batch_size: int) -> tuple[int, int, int]:
    """Return the operations of a forward pass, and the activations in bytes and the MACs of a batch.

    Operations are applied layers: a repeated one counts as often as it is used.
    """
    counts = spec.counts(image_size)
    operations = sum(layer.uses for layer in spec.layers(image_size))
    return operations, batch_size * counts.activation_bytes, batch_size * counts.macs


PROBES = (
    Probe("small", 1e6, "MgNet[2,2]-8-B^l", 8, 64, overhead=0.64, traffic=0.32),
    Probe("medium", 3e7, "MgNet[2,2,2]-[16,32,48]-B^l", 16, 32, overhead=0.3, traffic=0.5),
    Probe("large", float("inf"), "MgNet[2,2,2]-[32,64,128]-B^l", 32, 16, overhead=0.07, traffic=0.5),
)
CUDA_PROBES = (
    Probe("small", 1e6, "MgNet[2,2]-8-B^l", 8, 64),
    Probe("medium", 1e8, "MgNet[2,2,2]-[16,32,48]-B^l", 32, 128),
    Probe("large", float("inf"), "MgNet[2,2,2,2]-128-B^l", 32, 128),
)


def step_time(probe: Probe, mode: StepMode, device: torch.device) -> float:
    """Return the seconds of a training step on the probe: the least of ``REPEATS``, after the warm-up."""
    from space.modules import build

    spec = parse_notation(probe.notation)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        layout = torch.channels_last if mode.channels_last else torch.contiguous_format
        network = build(spec).to(memory_format=layout).to(device)
        size = (probe.batch_size, spec.in_channels, probe.image_size, probe.image_size)
        images = torch.randn(size).to(device=device, memory_format=torch.channels_last)
    batch = Batch(images, torch.arange(probe.batch_size, device=device) % spec.num_classes)
    step = TrainStep(network, Recipe(), mode)
    with mode.applied():
        return _least_s(lambda: step(batch, 0.1), device)


def product_size(device: torch.device) -> int:
    """Return the side of the square matrices that measure the peak throughput."""
    return 8192 if device.type == "cuda" else 1024


def product_s(device: torch.device, *, bfloat16: bool) -> float:
    """Return the seconds of one product of large square matrices."""
    size = product_size(device)
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(size, size, generator=generator).to(device)
    matrix = matrix.bfloat16() if bfloat16 else matrix
    return _least_s(lambda: matrix @ matrix, device)


def _least_s(work: Callable[[], object], device: torch.device) -> float:
    times = []
    for _ in range(WARM_UP_STEPS + 1 + REPEATS if device.type == "cuda" else 1 + REPEATS):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return min(times[-REPEATS:])
