"""The proof of an export: each format, loaded in a fresh process, computes what the trained network does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.export.sample import Sample
from results.export.source import ExportError, Source
from space.core.errors import shortened

TOLERANCE = 1e-4
"""Largest allowed difference between the logits of an export and of torch, relative to the largest logit.

The largest logit counts as at least 1. A different order of float32 sums changes logits by about 1e-6; a wrong
layer changes them by more than 1e-2.
"""
OWN_PACKAGES = ("mgnas", "space", "trainers", "results", "search")
NOT_FOR_INFERENCE = ("optuna", "pandas", "plotly", "sklearn", "pydantic", "safetensors")
REFUSED = {
    "onnxruntime": (*OWN_PACKAGES, *NOT_FOR_INFERENCE, "torch", "onnx"),
    "torch": (*OWN_PACKAGES, *NOT_FOR_INFERENCE, "onnx", "onnxruntime"),
    "mgnas": ("trainers", "results", "search", "optuna"),
}
"""The packages that each environment refuses to import.

One fresh process goes through the environments in this order. Each adds packages to those before it, so no format
runs with a package that its environment lacks, and torch is imported once.
"""
BATCH_SIZE = 64


@dataclass(frozen=True)
class Loading:
    """How a format is loaded back: the environment, the loader of ``load_back.py``, and the file.

    A format that is not exact, such as one with 8-bit weights, may have other logits.
    """

    environment: str
    loader: str
    file: str
    is_exact: bool = True


@dataclass(frozen=True)
class Proof:
    """One format compared with the trained network, on the same images.

    Attributes:
        max_difference: The largest difference of logits.
        limit: The largest difference that is accepted; None for a format that is not exact.
        agreement: Share of the images with the same predicted class.
        accuracy: Accuracy of the export; None without labels.
        latency_ms: Median latency of one image on one core.
        latency_runs: Number of measured images.
        runtime: The runtime and its version.
    """

    max_difference: float
    limit: float | None
    agreement: float
    accuracy: float | None
    latency_ms: float
    latency_runs: int
    runtime: str


@dataclass(frozen=True)
class Proofs:
    """The proofs of an export.

    Attributes:
        images: What the images are.
        num_images: Number of images.
        note: Why they are not the validation images; empty if they are.
        accuracy: Accuracy of the trained network in torch on these images; None without labels.
        formats: The proof of each format.
    """

    images: str
    num_images: int
    note: str
    accuracy: float | None
    formats: dict[str, Proof]

    def facts(self) -> dict[str, Any]:
        """Return the proofs as plain data, for ``export.json``."""
        return asdict(self)


def prove(source: Source, folder: Path, loadings: Mapping[str, Loading], sample: Sample) -> Proofs:
    """Load each format back in a fresh process and compare it with the trained network.

    Args:
        source: The trained network.
        folder: The written export.
        loadings: How each format is loaded back.
        sample: The images.

    Raises:
        ExportError: A format cannot be loaded, or its logits differ by more than ``TOLERANCE``.
    """
    expected = _logits_of(source, sample.images)
    ordered = sorted(loadings.items(), key=lambda item: list(REFUSED).index(item[1].environment))
    with tempfile.TemporaryDirectory(prefix="mgnas-proof-") as scratch:
        out = Path(scratch)
        np.save(out / "images.npy", sample.images)
        results = _run(dict(ordered), source, folder, out)
        proofs = {
            name: _compared(one, results.get(name), out / f"{name}.npy", expected, sample)
            for name, one in loadings.items()
        }
    return Proofs(sample.origin, len(sample), sample.note, sample.accuracy(expected), proofs)


def _logits_of(source: Source, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the logits of the trained network in torch, in this process."""
    import torch

    found = []
    with torch.inference_mode():
        for begin in range(0, len(images), BATCH_SIZE):
            batch = torch.from_numpy(images[begin : begin + BATCH_SIZE]).permute(0, 3, 1, 2)
            found.append(source.classifier(batch.contiguous().float() / 255).numpy())
    return np.concatenate(found)


def _run(loadings: Mapping[str, Loading], source: Source, folder: Path, out: Path) -> dict[str, Any]:
    """Run the formats in a fresh process and return the results by format; ``out`` has ``images.npy``."""
    job = {
        "folder": str(folder),
        "out": str(out),
        "environments": [
            _environment(name, {key: one for key, one in loadings.items() if one.environment == name}, source)
            for name in dict.fromkeys(one.environment for one in loadings.values())
        ],
    }
    job_file = out / "job.json"
    job_file.write_text(json.dumps(job), encoding="utf-8")
    script = resources.files("results.export") / "snippets" / "load_back.py"
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", str(script), str(job_file)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        cwd=out,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    written = out / "result.json"
    results: dict[str, Any] = json.loads(written.read_text(encoding="utf-8")) if written.is_file() else {}
    if done.returncode:
        file = next((one.file for name, one in loadings.items() if name not in results), "the export")
        raise ExportError(
            f"{file} could not be loaded back in a fresh process "
            f"({_reason(done.returncode, done.stderr)}); nothing was exported"
        )
    return results


def _environment(name: str, loadings: Mapping[str, Loading], source: Source) -> dict[str, Any]:
    """Return the entry of one environment in a job."""
    has_mgnas = name == "mgnas"
    return {
        "refused": REFUSED[name],
        "path": [str(Path(__file__).resolve().parents[2])] if has_mgnas else [],
        "plugins": source.plugins if has_mgnas else (),
        "formats": {key: (one.loader, one.file) for key, one in loadings.items()},
    }


def _reason(code: int, errors: str) -> str:
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    lines = [line for line in errors.splitlines() if line.strip()]
    return shortened(lines[-1]) if lines else f"exit code {code}"


def _compared(
    loading: Loading,
    result: dict[str, Any] | None,
    logits: Path,
    expected: NDArray[np.float32],
    sample: Sample,
) -> Proof:
    """Return the proof of one format; raises ExportError if it does not agree."""
    if result is None or "error" in result:
        reason = shortened(str((result or {}).get("error", "no result")))
        raise ExportError(
            f"{loading.file} could not be loaded back in a fresh process ({reason}); nothing was exported"
        )
    got = np.load(logits)
    difference = float(np.abs(got - expected).max()) if got.shape == expected.shape else float("inf")
    limit = TOLERANCE * max(1.0, float(np.abs(expected).max())) if loading.is_exact else None
    if not isfinite(difference) or (limit is not None and difference > limit):
        allowed = "" if limit is None else f", but at most {limit:.2g} is allowed"
        raise ExportError(
            f"{loading.file} does not compute what the trained network does: on {len(sample):,} {sample.origin} the "
            f"logits differ by {difference:.2g}{allowed}; nothing was exported"
        )
    return Proof(
        max_difference=difference,
        limit=limit,
        agreement=float((got.argmax(axis=1) == expected.argmax(axis=1)).mean()),
        accuracy=sample.accuracy(got),
        latency_ms=median(result["latencies_ms"]),
        latency_runs=len(result["latencies_ms"]),
        runtime=result["runtime"],
    )


def proof_lines(proofs: Proofs) -> Iterable[str]:
    """Yield the proofs as text, one line for each format."""
    for name, proof in proofs.formats.items():
        accuracy = "" if proof.accuracy is None else f", accuracy {100 * proof.accuracy:.2f} %"
        yield (
            f"{name}: largest difference {proof.max_difference:.1e}, "
            f"{100 * proof.agreement:.2f} % of the classes agree{accuracy}, "
            f"{proof.latency_ms:.2g} ms an image ({proof.runtime})"
        )
