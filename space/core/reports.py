"""The result of an epoch and the cost of a training: workers send them, the ledger stores them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class EpochReport:
    """The result of one epoch of a training. The annotations are checked where a report is decoded.

    Attributes:
        epoch: The number of the epoch; the first one is 1.
        train_loss: Mean training loss in nats per image; NaN in tables that do not record it.
        val_loss: Mean validation loss in nats per image; NaN in tables that do not record it.
        val_accuracy: The recipe's ``metric`` on the validation images, from 0 to 1.
        seconds: Wall time of the epoch, with its evaluation.
    """

    epoch: Annotated[int, Field(ge=1)]
    train_loss: float
    val_loss: float
    val_accuracy: Annotated[float, Field(ge=0, le=1)]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class TrainingCosts:
    """The cost of one training on its device.

    MACs and operations are those of the network's counts, with the products that MgNets skip in training. The
    operations of the optimiser are not included.

    Attributes:
        images_per_s: Median over the epochs, without evaluation; None if all epochs were trained before.
        epoch_s: Median wall time of an epoch.
        first_step_s: Time from the start of the training to the end of its first step.
        peak_memory_mib: Peak memory of the GPU; on a CPU that of the whole process.
        macs_per_s: MACs of training steps per second.
        training_pflop: 10**15 floating-point operations of all training steps, two for each MAC.
        peak_fraction: ``macs_per_s`` as a fraction of the device's peak throughput of matrix products.
        energy_j: Energy of the GPU during the training; None where it is unavailable.
        micro_batch: Images that are processed at once; None for the whole batch.
    """

    images_per_s: float | None
    epoch_s: float
    first_step_s: float | None
    peak_memory_mib: float
    macs_per_s: float | None
    training_pflop: float
    peak_fraction: float | None
    energy_j: float | None
    micro_batch: int | None
