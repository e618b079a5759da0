"""Random generators derived from a seed and a purpose.

A resumed training needs no generator state: the randomness of an epoch derives from the training's seed and
the epoch's number.
"""

from __future__ import annotations

import hashlib

import torch


def derived_seed(seed: int, *purpose: str | int) -> int:
    """Return a seed below 2^63: the SHA-256 of all arguments, equal on every machine."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator_for(seed: int, *purpose: str | int) -> torch.Generator:
    """Return a CPU generator, so that a training draws the same numbers on every device."""
    return torch.Generator().manual_seed(derived_seed(seed, *purpose))
