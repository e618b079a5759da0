"""Memory shortage: detection, messages, and a micro-batch that fits."""

from __future__ import annotations

import re

import torch

from space.networks.counts import Size
from space.networks.spec import Spec
from trainers.device.allocator import give_back_freed_memory
from trainers.device.memory_size import available_memory
from trainers.health import TrainingFailedError

ACTIVATION_SHARE = 0.33
"""Fraction of the free memory for the activations that a step keeps.

On a CPU a training needs two to three times the memory of its activations, for gradients and blocks kept for
the next step (docs/experiments/training-memory.md).
"""
_SIGNS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "bad allocation",
    "alloc_failed",
    # oneDNN's errors are general; on a network that ran before they mean memory
    "could not create a primitive",
    "could not create a memory",
    "could not execute a primitive",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the error means that memory ran out. On a CPU torch has no error type for that."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def no_room(what: str, reason: str) -> TrainingFailedError:
    """Return the error of a training that does not fit in memory.

    Args:
        what: What does not fit.
        reason: torch's message. Only the requested size is taken from it.
    """
    asked = re.search(r"tried to allocate (\d+(?:\.\d+)?) ?([KMG]iB|bytes)", reason, re.IGNORECASE)
    size = ""
    if asked is not None:
        is_large = asked[2] == "bytes" and float(asked[1]) >= 2**20
        size = f"{float(asked[1]) / 2**20:,.0f} MiB" if is_large else f"{asked[1]} {asked[2]}"
        size = f" ({size} more were asked for)"
    return TrainingFailedError(
        f"out of memory: {what} does not fit{size}",
        "end other programs, or choose a smaller network or smaller images (data.image_size)",
    )


def fitting_micro_batch(
    spec: Spec, image_size: Size, batch_size: int, device: torch.device, share: float
) -> int | None:
    """Return the largest micro-batch, halved from the batch, that fits in memory; None for the whole batch.

    On a CPU, memory shortage raises no error: the system kills processes. On a GPU the batch is tried
    instead.

    Args:
        spec: The network.
        image_size: Height and width in pixels.
        batch_size: Images of one optimiser step.
        device: The device.
        share: Fraction of the free memory that belongs to this process.
    """
    if device.type != "cpu":
        return None
    give_back_freed_memory()  # blocks of an earlier training count as used otherwise
    room = share * ACTIVATION_SHARE * available_memory()
    an_image = spec.counts(image_size).activation_bytes
    micro_batch = batch_size
    while micro_batch > 1 and micro_batch * an_image > room:
        micro_batch = (micro_batch + 1) // 2
    return None if micro_batch == batch_size else micro_batch
