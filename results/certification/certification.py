"""A certification: its networks, its hypervolumes, and its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from results.certification.frames import confusion_frame, networks_frame, trainings_frame
from results.certification.records import COMPARED, CertifiedNetwork, DominatedReference, Opening

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Certification:
    """The certified figures of a study.

    Attributes:
        folder: The folder of the certification, a study with a ``[plan]``.
        epochs: Epochs of each training.
        seeds: Trainings of each network.
        num_images: Images of the test split.
        classes: Names of the classes.
        openings: All uses of the study's test split, oldest first. More than one means that later figures
            are optimistic: the test split was known.
        candidates: Identities of the networks that were to be certified, also of those whose trainings failed.
        networks: All certified networks by ascending first cost, those of comparison included.
        dominated: For each network of comparison: by what it is dominated.
        hypervolume: The hypervolume of the certified front at its mean test accuracies.
        hypervolume_range: The pessimistic and the optimistic hypervolume: the certified front at the lower
            and at the upper ends of its intervals.
        search_hypervolume: The hypervolume that the search reported for the certified networks.
        survived: The networks of the search's front that are on the certified front.
        lost: The networks of the search's front that are not.
        by_arch: Each network by its identity.
        teacher: The digest of the network that all trainings imitated (``mgnas certify --teacher``); None for none.
    """

    folder: Path
    epochs: int
    seeds: int
    num_images: int
    classes: tuple[str, ...]
    openings: tuple[Opening, ...]
    candidates: frozenset[str]
    networks: tuple[CertifiedNetwork, ...]
    dominated: tuple[DominatedReference, ...]
    hypervolume: float
    hypervolume_range: tuple[float, float]
    search_hypervolume: float
    survived: tuple[CertifiedNetwork, ...]
    lost: tuple[CertifiedNetwork, ...]
    by_arch: Mapping[str, CertifiedNetwork] = field(repr=False, default_factory=dict)
    teacher: str | None = None

    @property
    def front(self) -> list[CertifiedNetwork]:
        """The certified front, by ascending first cost: selected by mean validation accuracy."""
        return [network for network in self.networks if network.on_front]

    @property
    def compared(self) -> list[CertifiedNetwork]:
        """The references and the networks of other studies."""
        return [network for network in self.networks if network.origin in COMPARED]

    @property
    def mean_gap(self) -> float | None:
        """The mean of ``gap`` over the search's front; None without one."""
        gaps = [one.gap for one in (*self.survived, *self.lost) if one.gap is not None]
        return sum(gaps) / len(gaps) if gaps else None

    def networks_frame(self) -> pd.DataFrame:
        """Return the certified figures: one row for each network, by ascending first cost.

        The reference of [DataFrames](dataframes.md) lists the columns with their dtypes.

        Example:
            >>> figures = study.certification.networks_frame()
            >>> figures[figures["on_front"]][["notation", "params", "test_accuracy", "test_low", "test_high"]]
        """
        return networks_frame(self.networks)

    def trainings_frame(self) -> pd.DataFrame:
        """Return the trainings: one row for each network and seed.

        The reference of [DataFrames](dataframes.md) lists the columns with their dtypes.

        Example:
            >>> study.certification.trainings_frame().groupby("name")["test_accuracy"].agg(["mean", "std"])
        """
        return trainings_frame(self.networks)

    def confusion_frame(self) -> pd.DataFrame:
        """Return the confusion matrices in long form: one row for each network, true and predicted class.

        The reference of [DataFrames](dataframes.md) lists the columns with their dtypes.

        Example:
            >>> confusion = study.certification.confusion_frame()
            >>> confusion[confusion["true_class"] != confusion["predicted_class"]].nlargest(5, "images")
        """
        return confusion_frame(self.networks, self.classes)
