"""Standard streams that are closed, as in daemons: their descriptors are never given to another file."""

from __future__ import annotations

import os


def fill_closed_descriptors() -> None:
    """Open the null device for each closed one of the descriptors 0, 1 and 2.

    Otherwise the next file that is opened gets the descriptor, and what libraries print goes into it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
