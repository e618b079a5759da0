"""How much of a search's time its trainings used: of the device, and in images per second."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from results.study import StudyReader


@dataclass(frozen=True)
class DeviceUse:
    """The use of the devices during a search.

    Attributes:
        busy: The fraction of the search time in which at least one training was within an epoch, evaluation included.
            The rest is starts of workers and networks, rungs and decisions.
        images_per_s: Training images of all epochs for each second of the search.
    """

    busy: float
    images_per_s: float | None


def device_use(study: StudyReader) -> DeviceUse | None:
    """Return the use of the devices by a study; None before its first epoch."""
    spans = [
        (end_s - report.seconds, end_s)
        for trial, reports in study.reports.items()
        for report, end_s in zip(reports, study.epoch_ends.get(trial, ()), strict=False)
    ]
    if not spans or study.searched_s <= 0:
        return None
    images = study.header.data.get("train")
    rate = len(spans) * images / study.searched_s if isinstance(images, int) else None
    return DeviceUse(min(1.0, covered_s(spans) / study.searched_s), rate)


def covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """Return the seconds that are in at least one span of begin and end; what is before 0 does not count."""
    total, until = 0.0, 0.0
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
