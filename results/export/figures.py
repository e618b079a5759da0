"""The accuracy that a model card states, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from results.front import complete_trials
from results.intervals import wilson
from results.storage.records import TrialRecord
from results.study import StudyReader

if TYPE_CHECKING:
    from space.networks.weights_file import Trained


@dataclass(frozen=True)
class Figures:
    """The accuracy of an exported network.

    Attributes:
        split: The images: ``validation``, or ``test`` after a certification.
        accuracy: From 0 to 1.
        num_images: Number of images; None if unknown.
        interval: 95 % interval of the accuracy; None if unknown.
        is_balanced: Whether the accuracy is the mean over the accuracies of the classes.
        selected_among: Number of networks among which this accuracy selected the network; 0 if none did.
        note: A sentence about the other split.
    """

    split: str
    accuracy: float
    num_images: int | None
    interval: tuple[float, float] | None
    is_balanced: bool
    selected_among: int
    note: str

    def text(self) -> str:
        """Return the figures as Markdown, one paragraph."""
        measured = ""
        if self.is_balanced:
            measured = ", balanced: the mean of the accuracies of the classes"
        elif self.interval is not None:
            low, high = (100 * side for side in self.interval)
            measured = f" of {self.num_images:,} images (95 % interval {low:.2f} to {high:.2f} %)"
        choice = ""
        if self.selected_among > 1:
            choice = (
                f"It was selected among {self.selected_among} finished trials by this accuracy, which is "
                "therefore optimistic. "
            )
        return f"{100 * self.accuracy:.2f} % on the **{self.split}** split{measured}. {choice}{self.note}"


def figures_of(study: StudyReader, trial: TrialRecord, trained: Trained) -> Figures:
    """Return the accuracy to state for a trained network of a study."""
    num_images = study.header.data.get("val")
    is_balanced = study.header.is_balanced
    known = isinstance(num_images, int) and num_images > 0
    return Figures(
        split="validation",
        accuracy=trained.val_accuracy,
        num_images=num_images if known else None,
        interval=wilson(trained.val_accuracy, num_images) if num_images and not is_balanced else None,
        is_balanced=is_balanced,
        selected_among=len(complete_trials(study.records)) if trial.reference is None else 0,
        note="The test split was not used to train or to select this network.",
    )
