"""What a training tells about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochReport:
    """What one epoch brought: mean losses in nats per image, accuracy from 0 to 1, wall time in seconds.

    ``val_accuracy`` is the recipe's ``metric``.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Scores:
    """What a network does on a split: mean loss in nats per image, and each class's images and right ones."""

    loss: float
    num_right: tuple[int, ...]
    num_images: tuple[int, ...]

    @property
    def accuracy(self) -> float:
        """The share of images that are classified right."""
        return sum(self.num_right) / sum(self.num_images)

    @property
    def class_accuracies(self) -> tuple[float | None, ...]:
        """The same for the images of each class; None for a class without any."""
        pairs = zip(self.num_right, self.num_images, strict=True)
        return tuple(right / images if images else None for right, images in pairs)

    @property
    def balanced_accuracy(self) -> float:
        """The mean over the classes that have images of each one's accuracy."""
        present = [accuracy for accuracy in self.class_accuracies if accuracy is not None]
        return sum(present) / len(present)
