"""Measurements of a training: speed, memory, latency, and the fraction of peak throughput."""

from __future__ import annotations

import resource
import statistics
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from space.core.reports import TrainingCosts
from trainers.device.energy import EnergyMeter

MIB = 2**20
LATENCY_PIXELS = 2**18
"""Pixels of a large batch: 256 images of 32 x 32."""
MOST_BLOCKS, AGREEING, AGREEMENT = 60, 4, 1.02
"""A steady latency: the largest number of blocks, how many must agree, and their largest ratio."""
STEP_MACS = 3
"""MACs of a training step per MAC of the forward pass: the backward pass has two products for each."""


class Meter:
    """Measures one training from its creation on."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._began = time.perf_counter()
        self._first_step_s: float | None = None
        self._images_per_s: list[float] = []
        self.energy = EnergyMeter(device)
        _reset_peak_memory(device)

    def step_done(self) -> None:
        """Record the end of the first step. Later calls cost nothing."""
        if self._first_step_s is None:
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
            self._first_step_s = time.perf_counter() - self._began

    def trained(self, num_images: int, seconds: float) -> None:
        """Record the training of one epoch, without its evaluation."""
        self._images_per_s.append(num_images / seconds)

    def result(
        self,
        epochs_s: list[float],
        num_images: int,
        macs: int,
        peak_throughput: float | None,
        micro_batch: int | None,
    ) -> TrainingCosts:
        """Return the measurements.

        ``num_images`` were trained on in all, each as often as it was seen; ``macs`` are those of one
        image's forward pass, ``peak_throughput`` is in MACs/s.
        """
        images_per_s = statistics.median(self._images_per_s) if self._images_per_s else None
        macs_per_s = images_per_s * macs * STEP_MACS if images_per_s else None
        return TrainingCosts(
            images_per_s=images_per_s,
            epoch_s=statistics.median(epochs_s) if epochs_s else 0.0,
            first_step_s=self._first_step_s,
            peak_memory_mib=_peak_memory(self._device) / MIB,
            macs_per_s=macs_per_s,
            training_pflop=2 * STEP_MACS * macs * num_images / 1e15,
            peak_fraction=macs_per_s / peak_throughput if peak_throughput and macs_per_s else None,
            energy_j=self.energy.joules(),
            micro_batch=micro_batch,
        )


def _reset_peak_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError):  # Linux alone, and not in every container
            Path("/proc/self/clear_refs").write_text("5")


def _peak_memory(device: torch.device) -> float:
    """Return the peak memory in bytes since the last reset."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024.0 * int(line.split()[1])
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@dataclass(frozen=True)
class Latency:
    """Wall time of a forward pass of one batch, in milliseconds."""

    batch_size: int
    median_ms: float
    p95_ms: float


@torch.inference_mode()
def measure_latency(network: nn.Module, images: Tensor, repeats: int = 50, warm_up: int = 5) -> Latency:
    """Return the latency of ``network`` in evaluation mode.

    Args:
        network: The network.
        images: Images N C H W on its device.
        repeats: Timed passes.
        warm_up: Passes before them.
    """
    network.eval()
    times = []
    for index in range(warm_up + repeats):
        began = time.perf_counter()
        network(images)
        if images.is_cuda:
            torch.cuda.synchronize(images.device)
        if index >= warm_up:
            times.append(1000 * (time.perf_counter() - began))
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return Latency(len(images), statistics.median(times), p95)


def steady_latency_ms(network: nn.Module, image: Tensor) -> float:
    """Return the latency of ``network`` on one image 1 C H W, in milliseconds, without the influence of other
    programs.

    Other programs only make a network slower. Short blocks are repeated until the lowest medians agree, at
    most ``MOST_BLOCKS``; the lowest median is returned.
    """
    medians: list[float] = []
    for block in range(MOST_BLOCKS):
        medians.append(measure_latency(network, image, repeats=11, warm_up=0 if block else 5).median_ms)
        lowest = sorted(medians)[:AGREEING]
        if len(lowest) == AGREEING and lowest[-1] <= AGREEMENT * lowest[0]:
            break
    return min(medians)


def latencies(
    network: nn.Module, shape: tuple[int, int, int], device: torch.device, most: int
) -> list[Latency]:
    """Return the latencies of one image and of a large batch.

    Args:
        network: The network.
        shape: C, H, W of an image.
        device: The device of the network.
        most: Largest batch.
    """
    large = min(max(2, min(256, LATENCY_PIXELS // (shape[1] * shape[2]))), most)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(large, *shape, generator=generator).to(device)
    images = images.contiguous(memory_format=torch.channels_last)
    return [measure_latency(network, images[:size]) for size in sorted({1, large})]
