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


class NoRoomError(TrainingFailedError):
    """The training does not fit in memory."""


def no_room(what: str, reason: str) -> NoRoomError:
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
    return NoRoomError(
        f"out of memory: {what} does not fit{size}",
        "end other programs, or choose a smaller network or smaller images (data.image_size)",
    )


def fitting_micro_batch(
    spec: Spec, image_size: Size, batch_size: int, device: torch.device, share: float
) -> int | None:
    """Return the largest micro-batch, halved from the batch, that fits in memory; None for the whole batch.

    On a CPU, memory shortage raises no error: the system kills processes. On a GPU the whole batch is tried,
    unless other trainings share the GPU: then this one keeps to its fraction of the GPU's memory.

    Args:
        spec: The network.
        image_size: Height and width in pixels.
        batch_size: Images of one optimiser step.
        device: The device.
        share: Fraction of the device's memory that belongs to this process.
    """
    room = _room(device, share)
    if room is None:
        return None
    an_image = spec.counts(image_size).activation_bytes
    micro_batch = batch_size
    while micro_batch > 1 and micro_batch * an_image > room:
        micro_batch = (micro_batch + 1) // 2
    return None if micro_batch == batch_size else micro_batch


def _room(device: torch.device, share: float) -> float | None:
    """Return the bytes for the activations of a step; None without a bound.

    On a shared GPU the bound is a fraction of the total memory: the free memory depends on the other trainings.
    """
    if device.type == "cpu":
        give_back_freed_memory()  # blocks of an earlier training count as used otherwise
        return share * ACTIVATION_SHARE * available_memory()
    if device.type != "cuda" or share >= 1:
        return None
    total = torch.cuda.mem_get_info(device)[1]
    return ACTIVATION_SHARE * max(0.0, share * total - torch.cuda.memory_allocated(device))


def give_back_memory(device: torch.device) -> None:
    """Return the freed memory of this process to the device, for other processes."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    else:
        give_back_freed_memory()
