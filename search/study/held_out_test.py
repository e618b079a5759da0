"""The measurement of trained networks on the held-out test split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from results.storage.held_out import HeldOutResult
from results.storage.records import TrialRecord
from space.core.errors import MgnasError
from trainers.data.splits import HeldOutData

if TYPE_CHECKING:
    import torch

    Logits = Callable[[torch.Tensor], torch.Tensor]

BATCH_VALUES = 2**24
"""Values of the images (N x H x W x C) in one batch."""


def fingerprint(data: HeldOutData) -> str:
    """Return 12 hexadecimal digits that identify the pixels and labels of a test split."""
    digest = hashlib.sha256(str(data.test.images.shape).encode())
    digest.update(np.ascontiguousarray(data.test.images[:]).data)
    digest.update(np.ascontiguousarray(data.test.labels).data)
    return digest.hexdigest()[:12]


def measure_held_out(
    folder: Path,
    trials: Sequence[TrialRecord],
    data: HeldOutData,
    device: str,
    threads: int,
    calibration: NDArray[np.uint8] | None = None,
) -> Iterator[HeldOutResult]:
    """Yield the results of trained networks on the test split, in the order of ``trials``.

    Networks run in parallel, each in one thread, so the results do not depend on the number of cores.

    Args:
        folder: The study's folder, which holds the weights.
        trials: Complete trials with weights.
        data: The test split.
        device: ``cpu`` or ``cuda``.
        threads: Networks that are measured at the same time.
        calibration: Training images N H W C; with them, the quantised networks are measured instead.

    Raises:
        MgnasError: The weights of a trial are missing or damaged.
    """
    import torch

    torch.set_num_threads(1)
    images = torch.from_numpy(np.ascontiguousarray(data.test.images[:])).permute(0, 3, 1, 2)
    labels = torch.from_numpy(data.test.labels)

    def measure(trial: TrialRecord) -> HeldOutResult:
        logits_of = _logits_of(folder, trial, torch.device(device), calibration)
        return _measure(trial.number, logits_of, images, labels)

    with ThreadPoolExecutor(threads if device == "cpu" else 1) as pool:
        try:
            yield from pool.map(measure, trials)
        finally:
            pool.shutdown(cancel_futures=True)


def _logits_of(
    folder: Path, trial: TrialRecord, device: torch.device, calibration: NDArray[np.uint8] | None
) -> Logits:
    """Return what computes the logits N K of a trial's network, or of its integers, for images uint8 N C H W."""
    from space.firmware.programs import program_of
    from space.firmware.quantise import LOGIT_SCALE, quantise
    from space.modules.integers import IntegerModule
    from space.modules.weights import Classifier

    if trial.weights is None:
        raise MgnasError(f"trial {trial.number} in {folder} has no weights")
    classifier = Classifier.load(folder / trial.weights)
    if calibration is None:
        classifier.to(device)
        return lambda images: classifier(images.to(device).float() / 255)
    trained = classifier.trained
    program = program_of(trained.network_spec(), trained.image_size)
    weights = {name: tensor.numpy() for name, tensor in classifier.network.state_dict().items()}
    integers = IntegerModule(quantise(program, weights, calibration, trained.mean, trained.std), device)
    return lambda images: integers.logits(images.permute(0, 2, 3, 1).to(device)).double() / LOGIT_SCALE


def _measure(trial: int, logits_of: Logits, images: torch.Tensor, labels: torch.Tensor) -> HeldOutResult:
    import torch
    from torch.nn import functional as F

    size = max(1, BATCH_VALUES // images[0].numel())
    loss, classes, probabilities = 0.0, list[int](), list[float]()
    with torch.inference_mode():
        for batch, targets in zip(images.split(size), labels.split(size), strict=True):
            logits = logits_of(batch)
            loss += F.cross_entropy(logits, targets.to(logits.device), reduction="sum").item()
            highest = logits.softmax(dim=1).max(dim=1)
            classes += highest.indices.tolist()
            probabilities += highest.values.tolist()
    return HeldOutResult.of(trial, loss / len(labels), classes, probabilities)
