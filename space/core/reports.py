"""The report of one training epoch: workers send it, the ledger stores it, samplers and reports read it."""

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
