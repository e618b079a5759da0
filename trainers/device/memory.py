"""Memory that runs out."""

from __future__ import annotations

import re

import torch

from space.networks.counts import Size
from space.networks.spec import Spec
from trainers.device.allocator import give_back_freed_memory
from trainers.device.memory_size import available_memory
from trainers.health import TrainingFailedError

ACTIVATION_SHARE = 0.33
"""Of the memory that is free, for what a training step keeps for its backward pass.

On a CPU a training has been seen to take two to three times that: gradients, and blocks kept for the next
step (``docs/experiments/training-memory.md``).
"""
_SIGNS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "bad allocation",
    "alloc_failed",
    # oneDNN's, for whatever it could not do, which on a network that has run before is to get memory
    "could not create a primitive",
    "could not create a memory",
    "could not execute a primitive",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that there is no memory; torch has no type of its own for that on a CPU."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def no_room(what: str, reason: str) -> TrainingFailedError:
    """Return the end of a training for which there is no memory; ``reason`` is torch's text, of any length.

    Of the text only how much was asked for is kept, where it says that.
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
    """Return the most images, halved from the batch, that there seems to be memory for; None for all.

    ``share`` of what is free belongs to this process. On a CPU memory does not run out with an error: the
    system kills processes. On a GPU it is tried.
    """
    if device.type != "cpu":
        return None
    give_back_freed_memory()  # what an earlier training has left is free
    room = share * ACTIVATION_SHARE * available_memory()
    an_image = spec.counts(image_size).activation_bytes
    micro_batch = batch_size
    while micro_batch > 1 and micro_batch * an_image > room:
        micro_batch = (micro_batch + 1) // 2
    return None if micro_batch == batch_size else micro_batch
