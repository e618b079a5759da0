"""Measurements repeated until they agree with themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from trainers.device.calibration_records import Record
from trainers.device.cpu_load import LoadMeter

AGREEMENT, MOST_ROUNDS = 1.1, 6
"""Ratio of the two least times of the chosen way up to which rounds agree, and the most rounds."""
Way = TypeVar("Way")


def in_rounds(once: Callable[[], tuple[Way, float]], name_of: Callable[[Way], str]) -> tuple[Record, Way]:
    """Measure in rounds until two agree in the way and, within ``AGREEMENT``, in its time.

    Args:
        once: One round; returns the fastest way and its seconds.
        name_of: A short text of a way.

    Returns:
        A record of the last way with its least time, and the way.
    """
    meter = LoadMeter()
    found: list[tuple[Way, float]] = []
    agreed = False
    while not agreed and len(found) < MOST_ROUNDS:
        found.append(once())
        way = found[-1][0]
        times = sorted(time_s for other, time_s in found if other == way)
        agreed = len(times) > 1 and found[-2][0] == way and times[1] <= AGREEMENT * times[0]
    record = Record(
        date=datetime.now(UTC),
        load=meter.load,
        others=meter.others(),
        rounds=len(found),
        agreed=agreed,
        times_s={name_of(way): times[0]},
        chosen=name_of(way),
    )
    return record, way
