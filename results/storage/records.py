"""The records that a study writes and everybody reads: plain, frozen, without behaviour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field
from typing_extensions import TypedDict

from results.intervals import Sampling
from space.core.reports import TrainingCosts

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
HyperparameterValue = int | float | str | bool
TrialState = Literal["running", "paused", "complete", "failed", "stopped"]

POINT_COLUMNS = ("trial", "arch", "notation", "params", "macs", "val_accuracy", "epochs", "seed")
"""A point of the front, in ``front --json`` and ``front.csv``, in this order."""
TRAINING = "train."
"""Before the hyperparameters that are keys of the recipe."""


def point_columns(costs: Iterable[str] = (), points: Iterable[TrialRecord] = ()) -> list[str]:
    """Return the columns of these ``points`` of a study that weighs accuracy against these costs."""
    searched = dict.fromkeys(f"{TRAINING}{key}" for point in points for key in point.searched_training)
    return [*POINT_COLUMNS, *(name for name in costs if name not in POINT_COLUMNS), *searched]


@dataclass(frozen=True)
class NetworkCosts:
    """The costs of a network besides parameters and MACs; None for a value that is not known.

    Latency is measured on a worker's device, in evaluation mode.

    Attributes:
        activation_mib: Activation memory of a training step of the study's largest batch, in MiB; counted.
        latency_ms: Median latency of one image.
        latency_p95_ms: 95th percentile of the latency of one image.
        latency_batch: Number of images in the large batch.
        latency_batch_ms: Median latency of the large batch.
        latency_batch_p95_ms: 95th percentile of the latency of the large batch.
    """

    activation_mib: Amount | None = None
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
    """One trial of the ledger; the annotations are checked where it is read.

    ``hyperparameters`` is the point of the search space, ``spec`` the network as plain data. ``started_s`` and
    ``finished_s`` are on the study's clock: seconds of searching since the study began, pauses left out.
    ``attempts`` counts the trainings begun, ``losses`` those that ended because a worker died.
    ``weights`` is the file with the trained weights, relative to the study's folder, while it is kept.
    ``reference`` names a network that the study was told to train for comparison, outside of its search.
    ``training`` holds the keys of the recipe that the study's space sets, with the trial's values.
    ``network_costs`` are the costs of the network besides parameters and MACs. ``training_costs`` are those of
    the training; None until it is complete.
    ``class_accuracies`` are those of the last epoch, in the order of the study's classes; None for a class
    without validation images. A ``paused`` trial stands at a rung and may be taken up again; a ``stopped``
    one never is.
    """

    number: int
    arch: str
    notation: str
    spec: dict[str, Any]
    hyperparameters: dict[str, HyperparameterValue]
    params: Count
    macs: Count
    seed: int
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
    weights: str | None = None
    reference: str | None = None
    training: dict[str, HyperparameterValue] = field(default_factory=dict)
    network_costs: NetworkCosts = NetworkCosts()
    training_costs: TrainingCosts | None = None
    sampler_attrs: dict[str, Any] = field(default_factory=dict)
    class_accuracies: tuple[Share | None, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether nothing will happen to this trial any more."""
        return self.state in ("complete", "failed", "stopped")

    @property
    def short_reason(self) -> str:
        """The first line of why the trial failed."""
        return ((self.reason or "").strip() or "no reason recorded").splitlines()[0][:200]

    @property
    def searched_training(self) -> dict[str, HyperparameterValue]:
        """The keys of the recipe that the search chose for this trial, with its values."""
        chosen = {
            hyperparameter: value
            for hyperparameter, value in self.hyperparameters.items()
            if hyperparameter.startswith(TRAINING)
        }
        return {hyperparameter.removeprefix(TRAINING): value for hyperparameter, value in chosen.items()}

    @property
    def training_text(self) -> str:
        """The same as words: ``lr=0.132, flip=true``; empty where nothing of the recipe is searched."""
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
        )
        further = {name: self.cost(name) for name in costs if name not in POINT_COLUMNS}
        searched = {f"{TRAINING}{key}": value for key, value in self.searched_training.items()}
        return dict(zip(POINT_COLUMNS, values, strict=True)) | further | searched


def _short(value: HyperparameterValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


class PlannedTraining(NamedTuple):
    """A training that a study was told to do: the network in canonical notation, and the seed."""

    network: str
    seed: int


class DataFacts(TypedDict, total=False):
    """What a study keeps of its data."""

    name: str
    classes: list[str]
    image_size: tuple[int, int]
    in_channels: int
    train: int
    val: int
    fingerprint: str


@dataclass(frozen=True)
class StudyHeader:
    """What holds for a whole study: its configuration, space and data, and how far it was asked to go.

    ``plan`` lists the trainings of a study that trains named networks; it is empty for a search.
    ``params_range`` holds the fewest and most parameters of the plan, or of the space within its limits.
    ``cost_ranges`` has the same for every cost that accuracy is weighed against, None for those that are
    known only by measuring; it is empty where that is parameters alone. ``trials``, ``hours``, ``epochs``
    (of all trainings) and ``patience`` (trials in a row after which the front is no better) are the budgets
    asked for, as totals; ``exhausted`` says that the space holds no further network. ``plugins`` maps the
    file name of each plugin to the SHA-256 of its content.
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
        """Whether accuracies are means over the classes of each one's share, not shares of all images."""
        recipe = self.config.get("train")
        return isinstance(recipe, dict) and recipe.get("metric") == "balanced_accuracy"

    @property
    def sampling(self) -> Sampling:
        """The sampling error of the study's validation accuracies."""
        num_images, classes = self.data.get("val"), self.data.get("classes")
        if not isinstance(num_images, int) or num_images < 1:
            num_images = None
        return Sampling(num_images, 1 / len(classes) if classes else 0.0, self.is_balanced)
