"""The results of a certification as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from results.storage.records import TrialRecord

Origin = Literal["front", "neighbour", "named", "reference", "other study"]
"""Why a network is certified: it is on the search's front, close to it, named by the user, or a comparison."""
COMPARED: tuple[Origin, ...] = ("reference", "other study")
"""Origins of networks that are compared with the front and are never on it."""


@dataclass(frozen=True)
class Estimate:
    """An accuracy over trainings from several seeds, from 0 to 1.

    Attributes:
        mean: The mean over the seeds.
        deviation: The sample standard deviation over the seeds; None for one training.
        low: The lower end of the 95 % interval of the expected accuracy of such a training.
        high: Its upper end.
        count: The number of trainings.
    """

    mean: float
    deviation: float | None
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class CertifiedNetwork:
    """A network with its certified figures.

    Attributes:
        arch: The identity of the network.
        notation: The network in canonical notation.
        origin: Why it is certified.
        name: What users call it: a reference's name, the other study's name, or "trial N" of the search.
        search_trial: The trial of the search with this network; None for other networks.
        search_accuracy: The validation accuracy of that trial.
        trainings: The trials of the certification, one for each seed, in the order of the seeds. They hold
            the costs (``params``, ``macs``, ``cost(name)``), the spec and the seeds.
        val: The validation accuracy. Selection uses it.
        test: The accuracy on the held-out test split.
        class_accuracies: The mean test accuracy of each class; None for a class without test images.
        confusion: Test images by true class (rows) and predicted class (columns), summed over the seeds.
        calibration_error: The expected calibration error on the test split, from 0 to 1, mean over the seeds.
        on_front: Whether the network is on the certified front (by its mean validation accuracy).
        front_probability: The probability that the network is on the true front of the certified networks;
            None for networks that are only compared.
        test_accuracies: The test accuracy of each training.
    """

    arch: str
    notation: str
    origin: Origin
    name: str
    search_trial: int | None
    search_accuracy: float | None
    trainings: tuple[TrialRecord, ...]
    val: Estimate
    test: Estimate
    class_accuracies: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration_error: float
    on_front: bool
    front_probability: float | None
    test_accuracies: tuple[float, ...]

    @property
    def params(self) -> int:
        """Parameters."""
        return self.trainings[0].params

    @property
    def gap(self) -> float | None:
        """The accuracy that the search reported minus the certified test accuracy; None without a trial."""
        return None if self.search_accuracy is None else self.search_accuracy - self.test.mean

    @property
    def exported(self) -> TrialRecord:
        """The training that ``mgnas export`` takes: the highest validation accuracy, then the first seed."""
        return max(self.trainings, key=lambda trial: (trial.val_accuracy or 0.0, -trial.number))


@dataclass(frozen=True)
class DominatedReference:
    """A network of comparison, and the probability that networks of the certified front dominate it.

    Attributes:
        network: The network of comparison.
        by: The certified network that dominates it with the highest probability; None if none is as cheap.
        probability: The probability that ``by`` is more accurate. Its costs are not higher.
        any_probability: The probability that at least one network of the front dominates it.
        difference: The test accuracy of ``by`` minus that of the network of comparison.
        interval: The 95 % interval of the difference.
    """

    network: CertifiedNetwork
    by: CertifiedNetwork | None
    probability: float
    any_probability: float
    difference: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Opening:
    """One use of the held-out test split.

    Attributes:
        unix_time: The time.
        folder: The certification that used it, relative to the study's folder.
        num_networks: The networks that were measured.
        num_images: The images of the test split.
    """

    unix_time: float
    folder: str
    num_networks: int
    num_images: int


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
        networks: All certified networks by ascending first cost, those of comparison included.
        dominated: For each network of comparison: by what it is dominated.
        hypervolume: The hypervolume of the certified front at its mean test accuracies.
        hypervolume_range: The pessimistic and the optimistic hypervolume: the certified front at the lower
            and at the upper ends of its intervals.
        search_hypervolume: The hypervolume that the search reported.
        survived: The networks of the search's front that are on the certified front.
        lost: The networks of the search's front that are not.
    """

    folder: Path
    epochs: int
    seeds: int
    num_images: int
    classes: tuple[str, ...]
    openings: tuple[Opening, ...]
    networks: tuple[CertifiedNetwork, ...]
    dominated: tuple[DominatedReference, ...]
    hypervolume: float
    hypervolume_range: tuple[float, float]
    search_hypervolume: float
    survived: tuple[CertifiedNetwork, ...]
    lost: tuple[CertifiedNetwork, ...]
    by_arch: Mapping[str, CertifiedNetwork] = field(repr=False, default_factory=dict)

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
