"""The configuration of a study. Each section is declared in the package that uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from results.storage.objectives import CostName
from results.storage.records import PlannedTraining
from search.samplers.optuna import SamplerName
from search.schedulers.base import SchedulerName
from search.study.plan_config import PlanConfig
from space.config import SpaceConfig
from space.core.atomic_files import absolute_path
from space.core.errors import InvalidInputError, nearest, shown
from space.core.validation import explain, rule_of
from space.limits import DEVICE_COSTS
from space.networks.counts import Size
from space.networks.plugins import load_plugins
from space.networks.references import read_reference
from space.search_space import SearchSpace
from trainers.data.config import DataConfig
from trainers.device.execution import ExecutionConfig
from trainers.recipe import Recipe

Tables = dict[str, Any]
Item = TypeVar("Item")

RESERVED = ("classify.py",)
"""File names of an export that a plugin must not have, since plugins are exported too."""
SEARCHABLE = tuple(
    key for key in Recipe.model_fields if key not in ("epochs", "precision", "metric", "test_flip")
)
"""Keys of the recipe that a space may search: all but the length of trainings and the metric."""
PLANNED = (
    *("trials", "costs", "scheduler", "workers", "trials_per_gpu", "device", "keep_weights"),
    *("max_silence_s", "stall_epochs"),
    *("executor", "address"),
    "storage",
)
"""Keys of ``[search]`` that a study with a plan uses; the others keep their defaults."""
MOST_CHECKED = 1_000
"""The number of values of a domain that are validated; the ends of longer ranges are validated too."""


class SearchConfig(BaseModel):
    """Budget, objectives, sampler and scheduler: the ``[search]`` section of a study.

    ``trials``, ``hours`` and ``epochs`` are totals over all runs of the study. Limits of exact costs are in
    ``[space]``; the limits here are of measured costs. The default scheduler is freeze_thaw with the sampler
    frontier, and fifo with other samplers.

    Rungs are counted back from the last epoch: each has 1/``reduction`` of the epochs of the next one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    trials: int = Field(default=48, ge=1, le=10**7, description="Total of trials over all runs.")
    hours: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Total search time in hours over all runs; unset: no limit.",
    )
    epochs: int | None = Field(
        default=None, ge=1, description="Total of epochs over all trainings; unset: no limit."
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="Trials in a row without progress that end the search: hypervolume below +0.001, accuracy"
        " below +0.1 points; unset: no limit.",
    )
    warm_start: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of an earlier study from which the frontier sampler learns.",
    )
    costs: tuple[CostName, ...] = Field(
        default=("params",),
        min_length=1,
        max_length=3,
        description="Objectives to minimise, one to three of params, macs, activation_mib, flash_kib,"
        " sram_kib, latency_ms, energy_j.",
    )
    max_latency_ms: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Limit of the latency of one image in ms, measured before the training; unset: no limit.",
    )
    max_energy_j: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Limit of the energy of one training in J, on NVIDIA GPUs; unset: no limit.",
    )
    sampler: SamplerName = Field(
        default="frontier", description="Algorithm that proposes networks: frontier, or a sampler of Optuna."
    )
    scheduler: SchedulerName = Field(
        default="freeze_thaw",
        description="Algorithm that allocates epochs to trials; freeze_thaw requires frontier.",
    )
    reduction: int = Field(
        default=3, ge=2, le=100, description="Reduction factor between the epochs of two rungs."
    )
    first_rung: int = Field(default=1, ge=1, description="Smallest number of epochs at a rung.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Seed from which all random choices derive.")
    workers: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = Field(
        default="auto",
        description="Parallel trainings; auto: one for each GPU, or for each CPU core without GPUs.",
    )
    trials_per_gpu: Annotated[float, Field(gt=0, le=64)] | Literal["auto"] = Field(
        default=1.0,
        description="Parallel trainings for each GPU if workers is auto; a fraction leaves GPUs free; auto: measured"
        " once for each study.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Device of the trainings; auto: CUDA if available."
    )
    executor: Literal["local", "ray"] = Field(
        default="local",
        description="What runs the trainings: processes of this machine, or Ray on a cluster.",
    )
    address: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Address of the Ray cluster: HOST:PORT of its head, or auto; unset: Ray starts on this machine.",
    )
    keep_weights: Literal["front", "all"] = Field(
        default="front", description="Trained weights to keep: those of the front, or all."
    )
    max_silence_s: float = Field(
        default=120.0,
        ge=10,
        le=86_400,
        description="Seconds without a heartbeat after which a worker is replaced; its trial resumes.",
    )
    stall_epochs: int = Field(
        default=20,
        ge=2,
        le=10_000,
        description="A worker is replaced too if its training makes no step for this many times its longest epoch"
        " and for max_silence_s.",
    )
    storage: str = Field(
        default="sqlite",
        description="Database: sqlite (study.db in the folder) or postgresql+psycopg://HOST/DATABASE, without a"
        " password.",
    )

    @field_validator("storage")
    @classmethod
    def _names_a_database(cls, storage: str) -> str:
        if storage == "sqlite":
            return storage
        from results.storage.postgresql import checked_url

        return checked_url(storage)

    @field_validator("costs", mode="before")
    @classmethod
    def _may_be_a_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(","))
        return tuple(value) if isinstance(value, list) else value

    @field_validator("costs")
    @classmethod
    def _are_different(cls, costs: tuple[CostName, ...]) -> tuple[CostName, ...]:
        if len(set(costs)) < len(costs):
            raise ValueError(f"each cost is named once, but got {shown(', '.join(costs))}")
        return costs

    @field_validator("address", mode="before")
    @classmethod
    def _empty_is_unset(cls, address: Any) -> Any:
        return None if address == "" else address

    @model_validator(mode="after")
    def _address_is_of_ray(self) -> Self:
        if self.address is not None and self.executor != "ray":
            raise ValueError(
                f"search.address is the address of a Ray cluster and requires search.executor = 'ray', but got "
                f"{self.executor!r}; unset it (search.address=)"
            )
        if self.address is not None and "://" in self.address:
            raise ValueError(
                f"search.address must be auto or HOST:PORT, but got {shown(self.address)}; run this command on a "
                "node of the cluster"
            )
        return self

    @property
    def measured_limits(self) -> dict[str, float]:
        """The limits on what is measured, by the name of the cost."""
        limits = {"latency_ms": self.max_latency_ms, "energy_j": self.max_energy_j}
        return {name: limit for name, limit in limits.items() if limit is not None}

    @model_validator(mode="after")
    def _packing_is_measured_here(self) -> Self:
        if self.trials_per_gpu == "auto" and self.executor != "local":
            raise ValueError(
                "search.trials_per_gpu = 'auto' measures a GPU of this machine; give a number for "
                f"search.executor = {self.executor!r}"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _schedulers_suit_samplers(cls, data: Any) -> Any:
        """Without a scheduler, choose the one that suits the sampler."""
        if not isinstance(data, dict) or data.get("scheduler", "auto") != "auto":
            return data
        return data | {
            "scheduler": "freeze_thaw" if data.get("sampler", "frontier") == "frontier" else "fifo"
        }


class StudyConfig(BaseModel):
    """The configuration of a study; ``study.toml`` in the study's folder holds it resolved.

    A study with a ``plan`` trains the networks that it names; ``search.trials`` is then the number of trainings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        default="study", min_length=1, max_length=200, description="Name of the study and of its folder."
    )
    description: str = Field(default="", description="Free text for the report.")
    plugins: tuple[str, ...] = Field(default=(), description="Python files that register families.")
    references: tuple[str, ...] = Field(
        default=(),
        description="Networks of the papers that are trained for comparison, such as resnet18@0.25.",
    )
    data: DataConfig = Field(default=DataConfig(), description="Images and splits.")
    space: SpaceConfig = Field(
        default=SpaceConfig(), description="Domains of the hyperparameters and limits."
    )
    train: Recipe = Field(default=Recipe(), description="Training recipe.")
    execution: ExecutionConfig = Field(default=ExecutionConfig(), description="How a device computes a step.")
    search: SearchConfig = Field(
        default=SearchConfig(), description="Budget, sampler, scheduler and objectives."
    )
    plan: PlanConfig | None = Field(
        default=None, description="Networks to train without a search; 'mgnas train' writes it."
    )

    @field_validator("name")
    @classmethod
    def _is_a_folders_name(cls, name: str) -> str:
        if name in (".", "..") or "/" in name or not name.isprintable():
            raise ValueError(
                "the name is a folder's name too and takes no '/' and no line breaks or the like, "
                f"but got {name!r}"
            )
        return name

    @field_validator("references")
    @classmethod
    def _are_known(cls, references: tuple[str, ...]) -> tuple[str, ...]:
        for place, name in enumerate(references):
            read_reference(name)
            if name in references[:place]:
                raise ValueError(f"each reference is trained once, but got {name!r} twice")
        return references

    @property
    def trainings(self) -> tuple[PlannedTraining, ...]:
        """The trainings of the plan; empty for a search."""
        return self.plan.trainings if self.plan is not None else ()

    @model_validator(mode="after")
    def _trials_are_the_plan(self) -> Self:
        if self.plan is not None and self.search.trials != len(self.trainings):
            raise ValueError(
                f"search.trials must be the number of trainings in [plan], {len(self.trainings)}, but got "
                f"{self.search.trials}; 'mgnas train' adds trainings (--seeds)"
            )
        return self

    @model_validator(mode="after")
    def _scheduler_has_a_policy(self) -> Self:
        """Only the frontier sampler has a continuation policy."""
        if self.search.scheduler == "freeze_thaw" and self.search.sampler != "frontier":
            raise ValueError(
                f"search.scheduler = 'freeze_thaw' requires search.sampler = 'frontier', "
                f"but got {self.search.sampler!r}"
            )
        if self.search.warm_start is not None and self.search.sampler != "frontier":
            raise ValueError(
                f"search.warm_start requires search.sampler = 'frontier', but got {self.search.sampler!r}"
            )
        return self

    def search_space(self, *, in_channels: int, num_classes: int, image_size: Size) -> SearchSpace:
        """Return the space of the study on such images; its memory is that of the largest batch in it."""
        searched = self.space.train.get("batch_size")
        return SearchSpace(
            self.space,
            in_channels=in_channels,
            num_classes=num_classes,
            image_size=image_size,
            batch_size=self.train.batch_size if searched is None else int(searched.largest),
            counts_device=not set(DEVICE_COSTS).isdisjoint(self.search.costs),
        )

    @model_validator(mode="after")
    def _trainings_are_valid(self) -> Self:
        """Validate the values that the space gives to keys of the recipe."""
        for key, domain in self.space.train.items():
            if key not in SEARCHABLE:
                raise ValueError(
                    f"space.train takes {', '.join(SEARCHABLE)}, but got {key!r}{nearest(key, SEARCHABLE)}"
                )
            for value in (*domain.values()[:MOST_CHECKED], domain.smallest, domain.largest):
                try:
                    self.train.replaced({key: value})
                except ValidationError as error:
                    raise ValueError(
                        f"space.train.{key} {rule_of(error)[0]}, but got {shown(value)}"
                    ) from None
        return self

    @classmethod
    def parse(cls, tables: Tables, source: str, base: Path = Path()) -> Self:
        """Return the configuration in plain tables, after its plugins were loaded.

        ``source`` names the tables in errors; paths of plugins are seen from ``base``, and are absolute in
        what is returned.

        Raises:
            InvalidInputError: unknown key, wrong type, a value outside its range, or a plugin that fails.
        """
        tables = tables | _load_plugins(tables.get("plugins", ()), source, base)
        try:
            return cls.model_validate(tables)
        except ValidationError as error:
            raise explain(error, cls, source) from None

    def to_toml(self) -> str:
        """Return the configuration as TOML that ``parse`` reads back to an equal one."""
        import tomli_w

        tables = self.model_dump(mode="json", exclude_none=True)
        if self.plan is not None:  # the space and the search's own keys are not used
            del tables["space"]
            tables["search"] = {key: tables["search"][key] for key in PLANNED if key in tables["search"]}
        return tomli_w.dumps(tables)


def _load_plugins(names: Any, source: str, base: Path) -> Tables:
    """Load plugins, so that the families in them are known, and return their key with absolute paths."""
    if not names:
        return {}
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise InvalidInputError(f"{source}: plugins must be a list of Python files, but got {shown(names)}")
    paths = [absolute_path(base, name, f"{source}: plugins = {shown(names)}") for name in names]
    for path in paths:
        if Path(path).name in RESERVED or not path.endswith(".py"):
            raise InvalidInputError(
                f"{source}: a plugin must be a Python file (.py) and not be called {' or '.join(RESERVED)}, "
                f"but got {shown(Path(path).name)}"
            )
    if len({Path(path).name for path in paths}) < len(paths):
        raise InvalidInputError(f"{source}: plugins must have different names, but got {shown(names)}")
    load_plugins(paths)
    return {"plugins": paths}
