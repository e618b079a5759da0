"""Closed standard streams, as in daemons: the null device takes their descriptors."""

from __future__ import annotations

import os


def fill_closed_descriptors() -> None:
    """Open the null device for each closed descriptor of 0, 1 and 2.

    Otherwise the next opened file gets the descriptor, and libraries write their output into this file.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
