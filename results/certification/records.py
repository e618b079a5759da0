"""The networks of a certification with their figures, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
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
        error: The standard error of the mean, which covers images and seeds.
        low: The lower end of the 95 % interval of the expected accuracy of such a training.
        high: Its upper end.
        count: The number of trainings.
    """

    mean: float
    deviation: float | None
    error: float
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
        return self.trainings[self.exported_place]

    @property
    def exported_place(self) -> int:
        """The index of ``exported`` in ``trainings`` and ``test_accuracies``."""
        places = range(len(self.trainings))
        return max(places, key=lambda place: (self.trainings[place].val_accuracy or 0.0, -place))


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
