"""How long an epoch of a network takes, compared with others.

Counted, not measured: what a search decides must not depend on how busy the machine was.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

OVERHEAD = 0.25
"""What every epoch takes besides the work in it, in parts of the work of the median network."""


class TrainingTime:
    """The time of an epoch in units of the median network's work; ``work`` is that of many networks.

    The unit of the work does not matter (MACs); where any is not known, all networks take equally long.
    """

    def __init__(self, work: Sequence[float | None]) -> None:
        known = [each for each in work if each is not None]
        self._median = float(np.median(known)) if known and len(known) == len(work) else None

    def of(self, work: Sequence[float | None]) -> NDArray[np.float64]:
        """Return the time of an epoch for each work."""
        if self._median is None or any(each is None for each in work):
            return np.ones(len(work))
        return OVERHEAD + np.array(work, dtype=np.float64) / self._median
