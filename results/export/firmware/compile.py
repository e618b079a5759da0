"""The compiled C code: whether its logits equal those of the numpy reference."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from results.export.firmware.c_source import fixed_source

COMPILERS = ("cc", "gcc", "clang")
OPTIONS = ("-std=c99", "-O2")
TIMEOUT_S = 120


class Compiled(NamedTuple):
    """The result of compiled code.

    Attributes:
        compiler: The first line of its version; empty if there is none.
        problem: Why the code was not compiled and run; empty if it was.
        logits: N K; None if it was not run.
    """

    compiler: str
    problem: str
    logits: NDArray[np.int32] | None


def run_compiled(files: Mapping[str, str], images: NDArray[np.uint8], num_classes: int) -> Compiled:
    """Compile net.c in a temporary folder with the first compiler found, and return its logits.

    Args:
        files: net.c and net.h by name.
        images: uint8 N H W C.
        num_classes: Number of classes.
    """
    path = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if path is None:
        return Compiled("", f"there is no C compiler ({', '.join(COMPILERS)})", None)
    with tempfile.TemporaryDirectory(prefix="mgnas-firmware-") as folder:
        for name, text in {**files, "check.c": fixed_source("check.c")}.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        try:
            version = _output([path, "--version"], folder, b"").decode(errors="replace").splitlines()[0]
            _output([path, *OPTIONS, "net.c", "check.c", "-o", "check"], folder, b"")
            logits = _output([str(Path(folder) / "check")], folder, images.tobytes())
        except (OSError, subprocess.SubprocessError, IndexError) as error:
            return Compiled("", f"{path} failed: {_reason(error)}", None)
    return Compiled(version, "", np.frombuffer(logits, np.int32).reshape(-1, num_classes))


def _output(command: list[str], folder: str, given: bytes) -> bytes:
    done = subprocess.run(
        command, cwd=folder, input=given, capture_output=True, check=True, timeout=TIMEOUT_S
    )
    return done.stdout


def _reason(error: Exception) -> str:
    errors = getattr(error, "stderr", None) or b""
    lines = errors.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else str(error)
