"""Every seed of a study comes from (study seed, trial, purpose)."""

from __future__ import annotations

import hashlib


def derive_seed(study_seed: int, trial: int, purpose: str) -> int:
    """Return a seed below 2**31, independent for every combination of the arguments, the same everywhere."""
    digest = hashlib.sha256(f"{study_seed}/{trial}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1
