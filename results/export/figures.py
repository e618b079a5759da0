"""The accuracy that a model card states, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from results.chosen import Certificate, ChosenNetwork
from results.front import complete_trials
from results.intervals import wilson
from space.core.text import plural

if TYPE_CHECKING:
    from space.networks.weights_file import Trained


@dataclass(frozen=True)
class CertifiedFigures:
    """What a certification knows beside the mean test accuracy; accuracies are from 0 to 1.

    Attributes:
        seeds: The seeds of the trainings.
        deviation: Sample standard deviation of the test accuracy over the seeds; None for one seed.
        val_accuracy: Mean validation accuracy, which selected the network.
        openings: How often the test split was opened.
        folder: The study of the certification, in the folder of the search.
        trial: The trial of that study whose weights these are.
        seed: Its seed.
        training_accuracy: Its test accuracy.
    """

    seeds: tuple[int, ...]
    deviation: float | None
    val_accuracy: float
    openings: int
    folder: str
    trial: int
    seed: int
    training_accuracy: float

    def text(self) -> str:
        """Return these figures as sentences."""
        parts = [
            f"The mean over {plural(len(self.seeds), 'training')} from different seeds"
            + ("" if self.deviation is None else f", standard deviation {100 * self.deviation:.2f} points")
            + f". These weights are those of seed {self.seed} (trial {self.trial} of `{self.folder}`), which has the "
            f"highest validation accuracy; they classify {100 * self.training_accuracy:.2f} % of the test images "
            "correctly.",
            f"The mean validation accuracy is {100 * self.val_accuracy:.2f} %. The test split selected neither the "
            "network nor the weights.",
        ]
        if len(self.seeds) == 1:
            parts[0] = f"One training, from seed {self.seed} (trial {self.trial} of `{self.folder}`)."
        if self.openings > 1:
            parts.append(f"The test split was opened {self.openings} times: later figures are optimistic.")
        else:
            parts.append("The test split was opened once.")
        return " ".join(parts)


@dataclass(frozen=True)
class Figures:
    """The accuracy of an exported network.

    Attributes:
        split: The images: ``validation``, or ``test`` after a certification.
        accuracy: From 0 to 1; after a certification the mean over the seeds.
        num_images: Number of images; None if unknown.
        interval: 95 % interval of the accuracy; None if unknown.
        is_balanced: Whether the accuracy is the mean over the accuracies of the classes.
        selected_among: Number of networks among which this accuracy selected the network; 0 if none did.
        note: A sentence about the other split; empty after a certification.
        certified: The further figures of a certification; None for those of one training of the search.
        is_int8: Whether int8 accuracy selected the network.
    """

    split: str
    accuracy: float
    num_images: int | None
    interval: tuple[float, float] | None
    is_balanced: bool
    selected_among: int
    note: str
    certified: CertifiedFigures | None = None
    is_int8: bool = False

    @property
    def of_seeds(self) -> str:
        """The seeds of a mean, such as ``, mean of 5 seeds``; empty for the accuracy of one training."""
        return "" if self.certified is None else f", mean of {plural(len(self.certified.seeds), 'seed')}"

    def text(self) -> str:
        """Return the figures as Markdown, one paragraph."""
        measured = f" of {self.num_images:,} images" if self.num_images is not None else ""
        if self.is_balanced:
            measured += ", balanced: the mean of the accuracies of the classes"
        if self.interval is not None:
            low, high = (100 * side for side in self.interval)
            measured += f" (95 % interval {low:.2f} to {high:.2f} %)"
        choice = ""
        if self.selected_among > 1:
            by = (
                "the accuracy of its int8 code, so both are"
                if self.is_int8
                else "this accuracy, which is therefore"
            )
            choice = f"It was selected among {self.selected_among} finished trials by {by} optimistic. "
        note = self.note if self.certified is None else self.certified.text()
        return f"{100 * self.accuracy:.2f} % on the **{self.split}** split{measured}. {choice}{note}"


def figures_of(network: ChosenNetwork, trained: Trained) -> Figures:
    """Return the accuracy to state for a network with its weights: certified figures if there are any."""
    if network.certificate is not None:
        return _certified(network, network.certificate)
    header = network.study.header
    num_images = header.data.get("val")
    known = isinstance(num_images, int) and num_images > 0
    return Figures(
        split="validation",
        accuracy=trained.val_accuracy,
        num_images=num_images if known else None,
        interval=wilson(trained.val_accuracy, num_images) if num_images and not header.is_balanced else None,
        is_balanced=header.is_balanced,
        selected_among=len(complete_trials(network.study.records)) if network.trial.reference is None else 0,
        note="The test split was not used to train or to select this network.",
        is_int8=header.is_int8,
    )


def _certified(network: ChosenNetwork, certificate: Certificate) -> Figures:
    found, certification = certificate.network, certificate.certification
    return Figures(
        split="test",
        accuracy=found.test.mean,
        num_images=certification.num_images,
        interval=(found.test.low, found.test.high),
        is_balanced=network.study.header.is_balanced,
        selected_among=0,
        note="",
        certified=CertifiedFigures(
            seeds=tuple(trial.seed for trial in found.trainings),
            deviation=found.test.deviation,
            val_accuracy=found.val.mean,
            openings=len(certification.openings),
            folder=f"{certificate.study.name}/{certification.folder.name}",
            trial=network.trial.number,
            seed=network.trial.seed,
            training_accuracy=found.test_accuracies[found.exported_place],
        ),
    )
