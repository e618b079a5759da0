"""The configuration of a study. Each section is declared in the package that uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from results.storage.records import PlannedTraining
from search.study.plan_config import PlanConfig
from search.study.search_config import SearchConfig
from search.study.targeted import checked, targeted, with_named_target
from space.config import SpaceConfig
from space.core.atomic_files import absolute_path
from space.core.errors import InvalidInputError, nearest, shortened, shown
from space.core.validation import explain, rule_of
from space.decision_tree import IMAGE_SIZE
from space.limits import DEVICE_COSTS, check_has_programs
from space.networks.counts import Size
from space.networks.load import read_spec
from space.networks.plugins import load_plugins
from space.networks.references import read_reference
from space.search_space import SearchSpace
from space.targets.target import Target
from trainers.data.config import RESIZED, DataConfig
from trainers.device.execution import ExecutionConfig
from trainers.recipe import Recipe

Tables = dict[str, Any]

RESERVED = ("bench.py", "classify.py")
"""File names of an export that a plugin must not have, since plugins are exported too."""
SEARCHABLE = tuple(
    key for key in Recipe.model_fields if key not in ("epochs", "precision", "metric", "test_flip")
)
"""Keys of the recipe that a space may search: all but the length of trainings and the metric."""
PLANNED = (
    *("trials", "costs", "metric", "scheduler", "workers", "trials_per_gpu", "device", "keep_weights"),
    *("executor", "address", "max_silence_s", "stall_epochs", "storage"),
)
"""Keys of ``[search]`` that a study with a plan uses; the others keep their defaults."""
MOST_CHECKED = 1_000
"""The number of values of a domain that are validated; the ends of longer ranges are validated too."""


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
    target: Target | None = Field(
        default=None,
        description="The device: a name of 'mgnas presets', a file, or the keys of such a file in [target].",
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

    @field_validator("target")
    @classmethod
    def _names_known_words(cls, target: Target | None) -> Target | None:
        return None if target is None else checked(target)

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

    @model_validator(mode="after")
    def _int8_has_no_mirror_images(self) -> Self:
        if self.search.metric == "int8_accuracy" and self.train.test_flip:
            raise ValueError(
                "search.metric = 'int8_accuracy' requires train.test_flip = false, since int8 code does not "
                "average over mirror images, but got true"
            )
        return self

    def search_space(self, *, in_channels: int, num_classes: int, image_size: Size) -> SearchSpace:
        """Return the space of the study on such images; its memory is that of the largest batch in it.

        Raises:
            InvalidInputError: The study needs int8 code, but networks of the space or named networks have none.
        """
        if self.search.metric == "int8_accuracy":
            self._check_programs(in_channels, num_classes)
        searched = self.space.train.get("batch_size")
        return SearchSpace(
            self.space,
            in_channels=in_channels,
            num_classes=num_classes,
            image_size=image_size,
            batch_size=self.train.batch_size if searched is None else int(searched.largest),
            counts_device=not set(DEVICE_COSTS).isdisjoint(self.search.costs),
        )

    def _check_programs(self, in_channels: int, num_classes: int) -> None:
        """Check that the space and the named networks have int8 code, before the first training."""
        from space.firmware.programs import why_no_program

        asks = "search.metric = 'int8_accuracy'"
        if self.plan is None:
            check_has_programs(self.space, asks)
        for name in (*(() if self.plan is None else self.plan.networks), *self.references):
            spec = read_spec(name, in_channels=in_channels, num_classes=num_classes)
            if reason := why_no_program(spec):
                raise InvalidInputError(
                    f"{asks} needs int8 C code, but {shortened(name)} has none: {reason}; name another network, "
                    "or leave search.metric out"
                )

    @model_validator(mode="after")
    def _images_can_be_resized(self) -> Self:
        """One size is that of the images, which each part of a study reads; ``[space.train]`` searches several."""
        if self.train.image_size is not None:
            raise ValueError(
                f"train.{IMAGE_SIZE} is searched only, in [space.train], but got {self.train.image_size}; for one size "
                f"set data.{IMAGE_SIZE}"
            )
        if IMAGE_SIZE in self.space.train and not self.data.can_resize:
            raise ValueError(
                f"space.train.{IMAGE_SIZE} requires images of an {RESIZED}, which can be resized, but got data.source "
                f"= {shown(self.data.source)}"
            )
        return self

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
        """Return the configuration in plain tables, after its plugins were loaded and its target was read.

        ``source`` names the tables in errors; paths of plugins and of a target's file are seen from ``base``. Those
        of plugins are absolute in what is returned.

        Raises:
            InvalidInputError: unknown key, wrong type, a value outside its range, a plugin that fails, or a space
                with networks that the target cannot run.
        """
        tables = tables | _load_plugins(tables.get("plugins", ()), source, base)
        tables = targeted(with_named_target(tables, source, base))
        try:
            config = cls.model_validate(tables)
        except ValidationError as error:
            raise explain(error, cls, source) from None
        if config.target is not None and config.plan is None and "c" in config.target.export_formats:
            check_has_programs(config.space, f"the target {config.target.name}")
        for device in config.search.devices if config.plan is None else ():
            if device.format == "c":
                check_has_programs(config.space, f"the format c of the device {device.name}")
        return config

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
