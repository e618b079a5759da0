"""The scores of a network on a split."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scores:
    """The scores of a network on a split: mean loss in nats per image, and correct and all images of each class."""

    loss: float
    num_right: tuple[int, ...]
    num_images: tuple[int, ...]

    @property
    def accuracy(self) -> float:
        """The fraction of correct images."""
        return sum(self.num_right) / sum(self.num_images)

    @property
    def class_accuracies(self) -> tuple[float | None, ...]:
        """The fraction of correct images of each class; None for a class without images."""
        pairs = zip(self.num_right, self.num_images, strict=True)
        return tuple(right / images if images else None for right, images in pairs)

    @property
    def balanced_accuracy(self) -> float:
        """The mean accuracy of the classes that have images."""
        present = [accuracy for accuracy in self.class_accuracies if accuracy is not None]
        return sum(present) / len(present)
