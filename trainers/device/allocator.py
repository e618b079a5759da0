"""How the C allocator of this process treats freed memory."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**30


def keep_freed_memory() -> None:
    """Keep freed blocks of up to 1 GiB for reuse (glibc only).

    By default glibc returns large blocks to the system, which clears their pages at the next allocation, in
    every step; see mallopt(3).
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def give_back_freed_memory() -> None:
    """Return freed blocks to the system, as far as whole pages are free."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
