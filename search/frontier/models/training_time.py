"""The relative duration of an epoch.

It is computed from MACs, not measured: decisions must not depend on the load of the machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.frontier.config import DEFAULTS


class TrainingTime:
    """The duration of an epoch in units of the median network's work.

    ``work`` is that of many networks in any unit (MACs). If any is unknown, all durations are 1.
    """

    def __init__(self, work: Sequence[float | None]) -> None:
        is_known = bool(work) and None not in work
        self._median = float(np.median(np.array(work, dtype=np.float64))) if is_known else None

    def of(self, work: Sequence[float | None]) -> NDArray[np.float64]:
        """Return the duration of an epoch for each work, n."""
        if self._median is None or None in work:
            return np.ones(len(work))
        return DEFAULTS.epoch_overhead + np.array(work, dtype=np.float64) / self._median
