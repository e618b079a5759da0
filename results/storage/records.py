"""The records of a study: plain frozen data, written by the driver and read by all packages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from results.columns import POINT
from results.intervals import Sampling
from space.core.reports import TrainingCosts


def _inside(file: str) -> str:
    """Return the name of a file in the study's folder; raise ValueError if it leads elsewhere."""
    if not file or Path(file).is_absolute() or ".." in Path(file).parts:
        raise ValueError("the file is outside the study's folder")
    return file


Identity = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
"""The hash of a network; names of files contain it."""
StudyFile = Annotated[str, AfterValidator(_inside)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
HyperparameterValue = int | float | str | bool
TrialState = Literal["running", "paused", "complete", "failed", "stopped"]

POINT_COLUMNS = tuple(column.name for column in POINT)
"""The columns of a point of the front in ``front --json`` and ``front.csv``."""
TRAINING = "train."
"""The prefix of hyperparameters that are keys of the recipe."""


def point_columns(costs: Iterable[str] = (), points: Iterable[TrialRecord] = ()) -> list[str]:
    """Return the columns of these points: those of all points, further costs, searched keys of the recipe."""
    searched = dict.fromkeys(f"{TRAINING}{key}" for point in points for key in point.searched_training)
    return [*POINT_COLUMNS, *(name for name in costs if name not in POINT_COLUMNS), *searched]


@dataclass(frozen=True)
class NetworkCosts:
    """The costs of a network besides parameters and MACs; None for a value that is not known.

    Latency is measured on a worker's device, in evaluation mode.

    Attributes:
        activation_mib: Activation memory of a training step of the study's largest batch, in MiB; counted.
        flash_kib: Constants of the int8 C code in KiB; counted. None where the network has no such code.
        sram_kib: Static memory of the int8 C code in KiB, for one image; counted.
        latency_ms: Median latency of one image.
        latency_p95_ms: 95th percentile of the latency of one image.
        latency_batch: Number of images in the large batch.
        latency_batch_ms: Median latency of the large batch.
        latency_batch_p95_ms: 95th percentile of the latency of the large batch.
    """

    activation_mib: Amount | None = None
    flash_kib: Amount | None = None
    sram_kib: Amount | None = None
    latency_ms: Amount | None = None
    latency_p95_ms: Amount | None = None
    latency_batch: int | None = None
    latency_batch_ms: Amount | None = None
    latency_batch_p95_ms: Amount | None = None

    def completed(self, other: NetworkCosts) -> NetworkCosts:
        """Return these costs with the unknown ones taken from ``other``."""
        known = {name: value for name, value in vars(self).items() if value is not None}
        return NetworkCosts(**(vars(other) | known))


@dataclass(frozen=True)
class TrialRecord:
    """One trial of the ledger. The annotations are checked where a record is read.

    Times are seconds on the study's clock: search time since the study began, without pauses.

    Attributes:
        number: The number of the trial, from 0.
        arch: The identity of the network.
        notation: The network in canonical notation.
        spec: The network as plain data.
        hyperparameters: The point of the search space.
        params: Parameters.
        macs: MACs of one image.
        seed: The seed of the training.
        max_epochs: Epochs of a complete training.
        state: ``paused`` trials wait at a rung; ``stopped`` ones are not resumed.
        epochs: Trained epochs.
        val_accuracy: The validation accuracy that the study maximises (``search.metric``), from 0 to 1; None
            without a result.
        reason: Why the trial failed or was stopped.
        attempts: Trainings that were started.
        losses: Workers that died during the training.
        started_s: The time when the trial started.
        finished_s: The time when it ended; None before.
        train_s: Wall time of the training.
        weights: The file with the trained weights, relative to the study's folder; None if it is not kept.
        reference: The name of a reference network, which is not part of the search; None for other trials.
        training: The keys of the recipe that the search space sets, with the trial's values.
        network_costs: The costs of the network besides parameters and MACs.
        training_costs: The costs of the training; None until it is complete.
        sampler_attrs: Attributes of the sampler.
        class_accuracies: Accuracies of the last epoch in the order of the classes; None for a class without
            validation images.
        float_accuracy: Validation accuracy of the float network after the last epoch.
        int8_accuracy: Validation accuracy of the int8 network; None where it was not quantised.
    """

    number: int
    arch: Identity
    notation: str
    spec: dict[str, Any]
    hyperparameters: dict[str, HyperparameterValue]
    params: Count
    macs: Count
    seed: Annotated[int, Field(ge=0)]
    max_epochs: int
    state: TrialState = "running"
    epochs: int = 0
    val_accuracy: Share | None = None
    reason: str | None = None
    attempts: int = 1
    losses: int = 0
    started_s: Seconds = 0.0
    finished_s: Seconds | None = None
    train_s: Seconds = 0.0
    weights: StudyFile | None = None
    reference: str | None = None
    training: dict[str, HyperparameterValue] = field(default_factory=dict)
    network_costs: NetworkCosts = NetworkCosts()
    training_costs: TrainingCosts | None = None
    sampler_attrs: dict[str, Any] = field(default_factory=dict)
    class_accuracies: tuple[Share | None, ...] = ()
    float_accuracy: Share | None = None
    int8_accuracy: Share | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the trial has ended: complete, failed or stopped."""
        return self.state in ("complete", "failed", "stopped")

    @property
    def last_accuracy(self) -> float | None:
        """The validation accuracy of the last epoch: that of the float network."""
        return self.val_accuracy if self.float_accuracy is None else self.float_accuracy

    @property
    def short_reason(self) -> str:
        """The first line of the reason of a failure."""
        return ((self.reason or "").strip() or "no reason recorded").splitlines()[0][:200]

    @property
    def searched_training(self) -> dict[str, HyperparameterValue]:
        """The searched keys of the recipe with their values."""
        chosen = {
            hyperparameter: value
            for hyperparameter, value in self.hyperparameters.items()
            if hyperparameter.startswith(TRAINING)
        }
        return {hyperparameter.removeprefix(TRAINING): value for hyperparameter, value in chosen.items()}

    @property
    def image_side(self) -> int | None:
        """Height and width in pixels of the images of this training, if the space searches them; None otherwise."""
        side = self.training.get("image_size")
        return None if side is None else int(side)

    @property
    def training_text(self) -> str:
        """The searched keys of the recipe as text, such as ``lr=0.132, flip=true``; empty without any."""
        return ", ".join(f"{key}={_short(value)}" for key, value in self.searched_training.items())

    def cost(self, name: str) -> float | None:
        """Return a cost of the network by its name; None if it is unknown."""
        if name in ("params", "macs"):
            return float(getattr(self, name))
        if name == "energy_j":
            return None if self.training_costs is None else self.training_costs.energy_j
        value: float | None = getattr(self.network_costs, name)
        return value

    def point(self, costs: Iterable[str] = ()) -> dict[str, Any]:
        """Return the trial as a point of the front, keyed as ``point_columns`` says; None for an unknown cost."""
        values = (
            self.number,
            self.arch,
            self.notation,
            self.params,
            self.macs,
            self.val_accuracy,
            self.epochs,
            self.seed,
            self.float_accuracy,
            self.int8_accuracy,
        )
        further = {name: self.cost(name) for name in costs if name not in POINT_COLUMNS}
        searched = {f"{TRAINING}{key}": value for key, value in self.searched_training.items()}
        return dict(zip(POINT_COLUMNS, values, strict=True)) | further | searched


def _short(value: HyperparameterValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


class PlannedTraining(NamedTuple):
    """A named training of a study: the network in canonical notation, and the seed."""

    network: str
    seed: int


class DataFacts(TypedDict, total=False):
    """The facts of a study's data set."""

    name: str
    classes: list[str]
    image_size: tuple[int, int]
    in_channels: int
    train: int
    val: int
    fingerprint: str


@dataclass(frozen=True)
class StudyHeader:
    """The facts of a whole study.

    Attributes:
        name: The study's name in the ledger.
        config: The configuration as plain data.
        space_hash: The hash of the search space.
        data: The facts of the data set.
        params_range: The fewest and the most parameters of the space within its limits, or of the plan.
        trials: The budget of trials, as a total.
        cost_ranges: The range of each cost; None for a measured cost. Empty if parameters are the only cost.
        hours: The budget of search time; None without one.
        epochs: The budget of epochs of all trainings; None without one.
        patience: Trials without an improvement of the front after which the search ends; None without a limit.
        exhausted: Whether the space has no further network.
        plugins: The SHA-256 of each plugin file, by file name.
        environment: Versions, hardware, commit.
        plan: The named trainings; empty for a search.
    """

    name: str
    config: dict[str, Any]
    space_hash: str
    data: DataFacts
    params_range: tuple[Count, Count]
    trials: int
    cost_ranges: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    hours: Seconds | None = None
    epochs: int | None = None
    patience: int | None = None
    exhausted: bool = False
    plugins: dict[str, str] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    plan: tuple[PlannedTraining, ...] = ()

    @property
    def is_balanced(self) -> bool:
        """Whether accuracies are balanced: means over the accuracies of the classes."""
        recipe = self.config.get("train")
        return isinstance(recipe, dict) and recipe.get("metric") == "balanced_accuracy"

    @property
    def is_int8(self) -> bool:
        """Whether the study maximises the accuracy of the int8 networks."""
        search = self.config.get("search")
        return isinstance(search, dict) and search.get("metric") == "int8_accuracy"

    @property
    def sampling(self) -> Sampling:
        """The sampling error of the study's validation accuracies."""
        num_images, classes = self.data.get("val"), self.data.get("classes")
        if not isinstance(num_images, int) or num_images < 1:
            num_images = None
        return Sampling(num_images, 1 / len(classes) if classes else 0.0, self.is_balanced)
