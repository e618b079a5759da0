"""The file of measurements: found again, by command and format, also after a torn line."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.devices.command import Measurement
from search.devices.config import DeviceConfig
from search.devices.measurements import Key, MeasurementFile

PI = DeviceConfig(name="pi", command="bench {model}")
KEY = Key.of("a1b2", (8, 8), PI)


def test_measurement_is_found_again(tmp_path: Path) -> None:
    file = tmp_path / "devices.jsonl"
    assert MeasurementFile(file).get(KEY) is None
    MeasurementFile(file).add(KEY, Measurement(1.5, 2048, 0.5))
    assert MeasurementFile(file).get(KEY) == Measurement(1.5, 2048, 0.5)
    assert MeasurementFile(tmp_path / "other.jsonl", file).get(KEY) == Measurement(1.5, 2048, 0.5)


@pytest.mark.parametrize(
    "changed",
    [{"command": "bench -n 5 {model}"}, {"format": "c"}, {"name": "phone"}],
)
def test_other_command_format_or_device_is_measured_anew(tmp_path: Path, changed: dict[str, str]) -> None:
    file = MeasurementFile(tmp_path / "devices.jsonl")
    file.add(KEY, Measurement(1.5))
    assert file.get(Key.of("a1b2", (8, 8), PI.model_copy(update=changed))) is None
    assert file.get(Key.of("a1b2", (8, 9), PI)) is None
    assert file.get(Key.of("ffff", (8, 8), PI)) is None


@pytest.mark.parametrize("torn", ['{"arch": "a1b2", "image', "\x00\x00", '{"latency_ms": 1.0}', "[]", "null"])
def test_torn_line_is_measured_again_and_spoils_no_other(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "devices.jsonl"
    MeasurementFile(path).add(KEY, Measurement(1.5))
    with path.open("a") as file:
        file.write(torn)
    other = Key.of("c3d4", (8, 8), PI)
    file_again = MeasurementFile(path)
    assert file_again.get(KEY) == Measurement(1.5)
    file_again.add(other, Measurement(2.5))
    assert MeasurementFile(path).get(other) == Measurement(2.5)
    assert MeasurementFile(path).get(KEY) == Measurement(1.5)
