"""``devices.jsonl`` of a study: what devices measured, one line for each network, device and format."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from search.devices.command import Measurement
from search.devices.config import DeviceConfig

FILE = "devices.jsonl"


class Key(NamedTuple):
    """What a measurement belongs to. The command is part of it: another one measures something else."""

    arch: str
    image_size: str
    device: str
    format: str
    command: str

    @classmethod
    def of(cls, arch: str, image_size: tuple[int, int], device: DeviceConfig) -> Key:
        """Return the key of a network on a device."""
        height, width = image_size
        return cls(arch, f"{height}x{width}", device.name, device.format, device.command)


class MeasurementFile:
    """The measurements of a study. Each is appended as one line; a torn last line is measured again.

    Args:
        file: The file; it is created with the first measurement.
        earlier: Files of other studies to read first, such as that of the search of a certification.
    """

    def __init__(self, file: Path, *earlier: Path) -> None:
        self._file = file
        self._found: dict[Key, Measurement] = {}
        for one in (*earlier, file):
            for line in read_lines(one):
                key = Key(*(str(line[name]) for name in Key._fields))
                self._found[key] = Measurement(
                    float(line["latency_ms"]), line.get("peak_ram_bytes"), line.get("energy_mj")
                )

    def get(self, key: Key) -> Measurement | None:
        """Return a measurement, or None."""
        return self._found.get(key)

    def add(self, key: Key, measurement: Measurement) -> None:
        """Record a measurement.

        Raises:
            OSError: The file cannot be written.
        """
        self._found[key] = measurement
        when = {"unix_time": round(time.time(), 3), "host": platform.node()}
        text = json.dumps(key._asdict() | asdict(measurement) | when)
        with self._file.open("a+b") as file:
            if file.tell() and not _ends_a_line(file):
                file.write(b"\n")
            file.write(text.encode() + b"\n")


def _ends_a_line(file: Any) -> bool:
    file.seek(-1, 2)
    return bool(file.read(1) == b"\n")


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a file; none if there is no file."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [line for line in map(_read, lines) if line is not None]


def _read(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    known = isinstance(line, dict) and {*Key._fields, "latency_ms"} <= line.keys()
    return line if known and isinstance(line["latency_ms"], float) and line["latency_ms"] > 0 else None
