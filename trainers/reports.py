"""What a training tells about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurements:
    """What one training cost on its device.

    ``images_per_s`` and ``epoch_s`` are medians over the epochs; the former leaves evaluation out.
    ``first_step_s`` is the time from the training's beginning to the end of its first step;
    ``peak_memory_mib`` that of the device, on a CPU that of the whole process; ``macs_per_s`` are those of
    training steps, and ``ceiling_share`` their share of what plain matrix products reach there;
    ``training_pflop`` are 10**15 floating-point operations, two for each MAC, of the network in all training
    steps (the optimiser's own are left out); both are by the network's counts, with the products that MgNets
    leave out in training; None stands for what was not seen, since all was trained before;
    ``energy_j`` is the GPU's since the training began, None where nobody tells.
    """

    images_per_s: float | None
    epoch_s: float
    first_step_s: float | None
    peak_memory_mib: float
    macs_per_s: float | None
    training_pflop: float
    ceiling_share: float | None
    energy_j: float | None
    micro_batch: int | None


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
