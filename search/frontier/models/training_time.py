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
        is_known = bool(work) and None not in work
        self._median = float(np.median(np.array(work, dtype=np.float64))) if is_known else None

    def of(self, work: Sequence[float | None]) -> NDArray[np.float64]:
        """Return the time of an epoch for each work."""
        if self._median is None or None in work:
            return np.ones(len(work))
        return OVERHEAD + np.array(work, dtype=np.float64) / self._median
