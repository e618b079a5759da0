"""Random generators that depend on nothing but a seed and what they are for.

A training needs no state of a generator to be resumed: whatever is random in an epoch comes from the
training's seed and the epoch's number.
"""

from __future__ import annotations

import hashlib

import torch


def derived_seed(seed: int, *purpose: str | int) -> int:
    """Return a seed below 2**63, independent for every combination of the arguments, the same everywhere."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator_for(seed: int, *purpose: str | int) -> torch.Generator:
    """Return a generator on the CPU, so that a training draws the same numbers on every device."""
    return torch.Generator().manual_seed(derived_seed(seed, *purpose))
