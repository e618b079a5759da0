"""The result of a training on the held-out test split, as the ledger records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OPENING = "open_test"
"""The kind of the event that records a use of the held-out test split."""
CLASS = np.dtype("<u2")
PROBABILITY = np.dtype("<f4")


@dataclass(frozen=True)
class HeldOutResult:
    """The predictions of one training for the test images, in the order of the test split.

    Attributes:
        trial: The number of the trial.
        loss: The mean cross-entropy in nats per image.
        predictions: The predicted class of each image: unsigned integers of 16 bits, little-endian.
        confidences: The probability of that class: floats of 32 bits, little-endian.
    """

    trial: int
    loss: float
    predictions: bytes
    confidences: bytes

    @classmethod
    def of(
        cls, trial: int, loss: float, classes: Sequence[int], probabilities: Sequence[float]
    ) -> HeldOutResult:
        """Return the result for predicted classes and their probabilities."""
        return cls(
            trial,
            loss,
            np.asarray(classes, CLASS).tobytes(),
            np.asarray(probabilities, PROBABILITY).tobytes(),
        )

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The predicted classes, int64 N."""
        return np.frombuffer(self.predictions, CLASS).astype(np.int64)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The probabilities of the predicted classes, float64 N."""
        return np.frombuffer(self.confidences, PROBABILITY).astype(np.float64)
