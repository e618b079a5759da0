"""The seeds of a study, derived from (study seed, trial, purpose)."""

from __future__ import annotations

import hashlib


def derive_seed(study_seed: int, trial: int, purpose: str) -> int:
    """Return a seed below 2**31 that depends only on the arguments.

    The seed consists of the first 31 bits of SHA-256 of ``study_seed/trial/purpose``. Seeds of different
    arguments are independent. The result is the same on every machine.
    """
    digest = hashlib.sha256(f"{study_seed}/{trial}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1
