"""The weights of an export after quantisation-aware fine-tuning, and the figures of what they regained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from space.core.text import plural

if TYPE_CHECKING:
    from results.storage.records import TrialRecord
    from results.study import StudyReader

LARGE_LOSS = 0.005
"""A loss of int8 accuracy above which fine-tuning is advised: half a point."""


@dataclass(frozen=True)
class Finetuning:
    """A fine-tuning of a trained network; accuracies are on the validation split, from 0 to 1.

    Attributes:
        epoch: The epoch whose weights are exported, which validation images chose; 0 for the trained weights.
        epochs: Trained epochs.
        int8_before: int8 accuracy before.
        int8_accuracy: int8 accuracy of the exported weights.
        float_before: Float accuracy before.
        float_accuracy: Float accuracy of the exported weights.
        seconds: Wall time.
    """

    epoch: int
    epochs: int
    int8_before: float
    int8_accuracy: float
    float_before: float
    float_accuracy: float
    seconds: float

    @property
    def text(self) -> str:
        """The figures as a sentence."""
        trained = f"{plural(self.epochs, 'epoch')} of quantisation-aware fine-tuning"
        if not self.epoch:
            return (
                f"{trained} did not raise the int8 validation accuracy of {100 * self.int8_before:.2f} %; the weights "
                "are those of the training."
            )
        gain = 100 * (self.int8_accuracy - self.int8_before)
        return (
            f"{trained} raised the int8 validation accuracy by {gain:.2f} points, from {100 * self.int8_before:.2f} to "
            f"{100 * self.int8_accuracy:.2f} %. The float accuracy changed from {100 * self.float_before:.2f} to "
            f"{100 * self.float_accuracy:.2f} %. The weights are those of epoch {self.epoch}, which has the highest "
            "int8 validation accuracy."
        )

    def facts(self) -> dict[str, Any]:
        """Return the figures as plain data, for ``export.json``."""
        return dict(vars(self))


Finetuner = Callable[["StudyReader", "TrialRecord", Path], Finetuning]
"""Fine-tunes the network of a trial and writes its weights to the path.

It raises InvalidInputError if the network has no int8 code, or the images are not available.
"""
