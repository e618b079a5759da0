"""The command of a device: what it may print, and what becomes of one that fails, hangs, lies or floods."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from search.devices.command import DeviceError, Measurement, measure, read_measurement
from search.devices.config import DeviceConfig
from search.study.config import StudyConfig
from space.core.errors import InvalidInputError
from tests.support.waiting import MOST_S, wait_until

MODEL = Path("/models/net of mine.onnx")


def device(command: str, timeout_s: float = MOST_S) -> DeviceConfig:
    return DeviceConfig(name="pi", command=f"{command} # {{model}}", timeout_s=timeout_s)


def test_command_gets_the_quoted_path_of_the_network(tmp_path: Path) -> None:
    said = tmp_path / "said"
    one = DeviceConfig(name="pi", command=f"echo {{model}} > {said}; echo '{{\"latency_ms\": 2}}'")
    assert measure(one, MODEL) == Measurement(2.0)
    assert said.read_text() == f"{MODEL}\n"


def test_command_without_a_place_for_the_network_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"must contain \{model\}"):
        DeviceConfig(name="pi", command="true")


@pytest.mark.parametrize("name", ["", "my pi", "-pi", "../pi", "x" * 65, "pi\n"])
def test_name_of_a_device_is_a_word(name: str) -> None:
    with pytest.raises(ValidationError, match="letters, digits, dots, - and _"):
        DeviceConfig(name=name, command="bench {model}")


@pytest.mark.parametrize(("kind", "is_refused"), [("c", True), ("onnx", False)])
def test_space_without_c_code_is_refused_for_a_device_that_takes_it(kind: str, is_refused: bool) -> None:
    device = {"name": "board", "command": "bench {model}", "format": kind}
    tables = {"space": {"activation": "gelu"}, "search": {"devices": [device]}}
    if is_refused:
        with pytest.raises(InvalidInputError, match="the format c of the device board"):
            StudyConfig.parse(tables, "study.toml")
    else:
        assert StudyConfig.parse(tables, "study.toml").search.devices[0].name == "board"


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ('{"latency_ms": 1.5}', Measurement(1.5)),
        ('warming up\n{"latency_ms": 3, "peak_ram_bytes": 2048, "energy_mj": 0.25}\n', Measurement(3.0, 2048, 0.25)),
        ('{"latency_ms": 9}\n{"latency_ms": 4}\ndone', Measurement(4.0)),
        ('{\n  "latency_ms": 7,\n  "host": "pi"\n}\n', Measurement(7.0)),
        ('{"latency_ms": 1, "peak_ram_bytes": null}', Measurement(1.0)),
    ],
)  # fmt: skip
def test_measurement_is_the_last_json_object(out: str, expected: Measurement) -> None:
    assert read_measurement(out) == expected


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("", "printed no JSON object"),
        ("12.5\n", "printed no JSON object: '12.5'"),
        ("[1]", "printed no JSON object"),
        ("{" * 5000, "printed no JSON object"),
        ('{"latency": 5}', "the JSON object of the command has no latency_ms"),
        ('{"latency_ms": null}', "latency_ms must be a positive number of milliseconds, but got"),
        ('{"latency_ms": 0}', "but got 0"),
        ('{"latency_ms": -1}', "but got -1"),
        ('{"latency_ms": NaN}', "but got nan"),
        ('{"latency_ms": 1e999}', "but got inf"),
        ('{"latency_ms": true}', "but got true"),
        ('{"latency_ms": "1"}', "but got '1'"),
        ('{"latency_ms": 1, "peak_ram_bytes": 1.5}', "peak_ram_bytes must be a whole number"),
        ('{"latency_ms": 1, "energy_mj": -2}', "energy_mj must be a number of millijoules"),
    ],
)
def test_impossible_measurement_is_refused(out: str, reason: str) -> None:
    with pytest.raises(DeviceError) as error:
        read_measurement(out)
    assert reason in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("echo 'no route to host' >&2; exit 255", "ended with exit code 255: 'no route to host'"),
        ("kill -9 $$", "was killed by signal 9"),
        ("no-such-program-of-anybody", "ended with exit code 127"),
        (f"{sys.executable} -c 'print(\"x\" * 5000000)'", "printed more than 1,000,000 bytes and was killed"),
    ],
)
def test_command_that_fails_says_why(command: str, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason):
        measure(device(command), MODEL)


@pytest.mark.parametrize(
    "command", ["sleep 300", "sleep 300 & echo '{\"latency_ms\": 1}'", "exec >&-; sleep 300"]
)
def test_command_that_hangs_is_killed_with_all_that_it_started(command: str, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    for timeout_s in (0.5, 5.0, 50.0):  # a busy machine starts nothing in half a second
        one = device(f"sh -c 'echo $$ > {pid}; exec sleep 300' & {command}", timeout_s=timeout_s)
        with pytest.raises(DeviceError, match=rf"took longer than {timeout_s:g} s and was killed"):
            measure(one, MODEL)
        if pid.exists() and pid.read_text():
            break
    started = int(pid.read_text())
    wait_until(lambda: "(sleep) Z" in _status(started), "the end of the process")


def test_command_ends_with_the_search() -> None:
    ends = threading.Event()
    threading.Timer(0.2, ends.set).start()
    with pytest.raises(DeviceError, match="the search ended before the command"):
        measure(device("sleep 300"), MODEL, ends)


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "(sleep) Z"


def test_output_that_is_no_text_is_read() -> None:
    one = device("printf '\\377\\n{\"latency_ms\": 2}'")
    assert measure(one, MODEL) == Measurement(2.0)
