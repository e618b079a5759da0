"""The results of a training: measurements and scores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurements:
    """What one training cost on its device. MACs are those of the network's counts; None means unavailable.

    Attributes:
        images_per_s: Images trained per second, without evaluation; median over the epochs.
        epoch_s: Seconds of an epoch; median.
        first_step_s: Seconds from the start of the training to the end of its first step.
        peak_memory_mib: Peak memory of the device, on a CPU of the whole process.
        macs_per_s: MACs per second of the training steps.
        training_pflop: 10^15 floating-point operations of all training steps, two per MAC, without the
            optimiser's.
        ceiling_share: ``macs_per_s`` as a fraction of the peak throughput.
        energy_j: Energy of the GPU since the training began, in joules.
        micro_batch: Images of one forward pass; None: the whole batch.
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
