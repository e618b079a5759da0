"""The network of a page, run in Node.js where that is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

TIMEOUT_S = 120


class NodeRun(NamedTuple):
    """The result of a network in Node.js.

    Attributes:
        version: The version of Node.js; empty if it did not run.
        problem: Why it did not run; empty if it did.
        logits: N K; None if it did not run.
    """

    version: str
    problem: str
    logits: NDArray[np.float32] | None


def run_in_node(network: dict[str, Any], images: NDArray[np.float32]) -> NodeRun:
    """Return the logits of a network, as ``Plan.facts`` states it, for images N C H W with pixels from 0 to 1."""
    node = shutil.which("node")
    if node is None:
        return NodeRun("", "there is no Node.js (node)", None)
    with tempfile.TemporaryDirectory(prefix="mgnas-web-") as scratch:
        folder = Path(scratch)
        for name in ("network.js", "run_in_node.js"):
            (folder / name).write_bytes((files("results.export.web") / name).read_bytes())
        (folder / "network.json").write_text(json.dumps(network), encoding="utf-8")
        images.astype("<f4").tofile(folder / "images.bin")
        try:
            version = _output([node, "--version"], folder).strip()
            _output([node, "run_in_node.js"], folder)
            logits = np.fromfile(folder / "logits.bin", "<f4").reshape(len(images), -1)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return NodeRun("", f"{node} failed: {_reason(error)}", None)
    return NodeRun(version, "", logits)


def _output(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=TIMEOUT_S
    )
    return done.stdout.decode(errors="replace")


def _reason(error: Exception) -> str:
    """Return the line of Node.js that names the error, or the text of another error."""
    lines = (getattr(error, "stderr", None) or b"").decode(errors="replace").splitlines()
    return next((line.strip() for line in lines if "Error" in line), str(error))
