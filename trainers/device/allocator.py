"""What a process does with memory that it has freed."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**30


def keep_freed_memory() -> None:
    """Let this process keep freed blocks of up to a gibibyte for its next ones (glibc; nothing elsewhere).

    By default large arrays and tensors are given back to the system, which clears their pages when they are
    asked for again, at every step: see mallopt(3).
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def give_back_freed_memory() -> None:
    """Give back the freed blocks that this process keeps, as far as whole pages are free."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
