"""One measurement on a device: the user's command, run with a limit of time and of output."""

from __future__ import annotations

import json
import math
import os
import shlex
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from typing_extensions import TypeIs

from search.devices.config import PLACE, DeviceConfig
from space.core.errors import MgnasError, shown

MOST_BYTES = 1_000_000
"""Output of a command that is read; one that prints more is killed."""

LOOK_S = 0.02
"""Seconds between two looks at a command."""


class DeviceError(MgnasError):
    """A device did not measure a network."""


@dataclass(frozen=True)
class Measurement:
    """What a device measured of one image.

    Attributes:
        latency_ms: Latency.
        peak_ram_bytes: Peak of the memory; None if the command does not say.
        energy_mj: Energy; None if the command does not say.
    """

    latency_ms: float
    peak_ram_bytes: int | None = None
    energy_mj: float | None = None


def measure(device: DeviceConfig, model: Path, ends: threading.Event | None = None) -> Measurement:
    """Run the command of a device on an exported network, and return what it measured.

    Args:
        device: The device.
        model: The exported file or folder.
        ends: When it is set, the command is killed.

    Raises:
        DeviceError: The command failed, took too long, or did not print a measurement.
    """
    code, out, err = _run(device.command.replace(PLACE, shlex.quote(str(model))), device.timeout_s, ends)
    if code != 0:
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise DeviceError(f"the command {ended}{_last_line(err or out)}")
    return read_measurement(out)


def read_measurement(out: str) -> Measurement:
    """Return the measurement that a command printed: its last line that is a JSON object, or all lines together.

    Raises:
        DeviceError: There is none, or a value is impossible.
    """
    for text in (*reversed(out.strip().splitlines()), out):
        with suppress(ValueError, RecursionError):
            found = json.loads(text)
            if isinstance(found, dict):
                return _checked(found)
    raise DeviceError(f"the command printed no JSON object{_last_line(out)}")


def _checked(found: dict[str, Any]) -> Measurement:
    if "latency_ms" not in found:
        raise DeviceError(f"the JSON object of the command has no latency_ms: {shown(found)}")
    latency = found["latency_ms"]
    if not _is_number(latency) or not latency > 0:
        raise DeviceError(f"latency_ms must be a positive number of milliseconds, but got {shown(latency)}")
    ram, energy = found.get("peak_ram_bytes"), found.get("energy_mj")
    if ram is not None and not (_is_number(ram) and ram >= 0 and ram == int(ram)):
        raise DeviceError(f"peak_ram_bytes must be a whole number of bytes, but got {shown(ram)}")
    if energy is not None and not (_is_number(energy) and energy >= 0):
        raise DeviceError(f"energy_mj must be a number of millijoules, but got {shown(energy)}")
    return Measurement(
        float(latency), None if ram is None else int(ram), None if energy is None else float(energy)
    )


def _is_number(value: object) -> TypeIs[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f": {shown(lines[-1].strip())}" if lines else ""


def _run(command: str, timeout_s: float, ends: threading.Event | None) -> tuple[int, str, str]:
    """Run a command of the shell in a session of its own; return its exit code and output.

    Raises:
        DeviceError: It cannot start, takes longer than ``timeout_s``, prints more than ``MOST_BYTES``, or ``ends``
            is set.
    """
    try:
        process = subprocess.Popen(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # it ends with all that it started, and Ctrl-C does not reach it
        )
    except OSError as error:
        raise DeviceError(f"the command does not start ({error.strerror})") from error
    streams = [_Stream(pipe) for pipe in (process.stdout, process.stderr) if pipe is not None]
    deadline = time.monotonic() + timeout_s
    try:
        while process.poll() is None or any(stream.is_alive() for stream in streams):
            if any(stream.is_flood for stream in streams):
                break
            if time.monotonic() > deadline:
                raise DeviceError(f"the command took longer than {timeout_s:g} s and was killed")
            if ends is not None and ends.is_set():
                raise DeviceError("the search ended before the command")
            time.sleep(LOOK_S)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if any(stream.is_flood for stream in streams):  # the pipe is closed then, of which it may have died
        raise DeviceError(f"the command printed more than {MOST_BYTES:,} bytes and was killed")
    out, err = (stream.content.decode("utf-8", errors="replace") for stream in streams)
    return process.returncode, out, err


class _Stream(threading.Thread):
    """Reads a pipe to its end, or to the first byte beyond the limit."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.content = b""
        self._pipe = pipe
        self.start()

    @property
    def is_flood(self) -> bool:
        """Whether there was more than the limit."""
        return len(self.content) > MOST_BYTES

    def run(self) -> None:
        with suppress(OSError, ValueError), self._pipe:
            self.content = self._pipe.read(MOST_BYTES + 1)
