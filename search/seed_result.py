"""What the training from one seed brought, as ``seed-N.json`` in a training's folder holds it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainers.execution import StepMode
from trainers.measurements import Latency, Measurements
from trainers.reports import EpochReport

Share = Annotated[float, Field(ge=0, le=1)]


class SeedResult(BaseModel):
    """A finished training: its reports, one an epoch, and what was measured.

    ``identity`` is that of network, recipe, seed and images; ``weights`` the name of the file beside, whose
    content has the SHA-256 ``weights_sha256``; ``val_accuracy`` that of the last epoch. ``latency`` is empty
    where there was no memory to measure it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    identity: str
    seed: int
    val_accuracy: Share
    class_accuracies: dict[str, Share | None]
    weights: str
    weights_sha256: str
    mode: StepMode
    measured: Measurements
    latency: tuple[Latency, ...]
    reports: Annotated[tuple[EpochReport, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.weights != weights_name(self.seed):
            raise ValueError(f"weights must be {weights_name(self.seed)!r}")
        if [report.epoch for report in self.reports] != list(range(1, len(self.reports) + 1)):
            raise ValueError("reports must be of the epochs 1, 2 and so on")
        if self.reports[-1].val_accuracy != self.val_accuracy:
            raise ValueError("val_accuracy must be that of the last report")
        return self


def weights_name(seed: int) -> str:
    """Return the name of the file with the weights that the training from ``seed`` left."""
    return f"seed-{seed}.safetensors"
