"""Memory that runs out."""

from __future__ import annotations

import torch

_SIGNS = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that there is no memory; torch has no type of its own for that on a CPU."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)
