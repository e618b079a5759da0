"""The ``[space]`` section of a study: a domain for every hyperparameter of the families, and the limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from space.core.errors import nearest, shown
from space.domain_fields import (
    AnyDomain,
    DataWidths,
    Fractions,
    GroupsDomain,
    Names,
    Numbers,
    NumbersPerLevel,
    Widths,
    spelled,
    words,
)
from space.domains import Choice, Domain, Increments, IntRange, PerLevel, check_positive
from space.networks.families import BUILT_IN, family_named, family_names
from space.networks.grid_spec import KERNELS
from space.networks.smoothers import SMOOTHERS
from space.networks.weight_sharing import SHARINGS

AT_MOST = {"levels": 32, "nu": 1_000, "c_u": 10**9, "c_f": 10**9, "groups_b": 4096, "stem_channels": 4096}
"""The largest numbers of a space. They keep counts computable in short time."""

Hyperparameter = Domain | PerLevel | Increments | Literal["c_u"] | None


class SpaceConfig(BaseModel):
    """The domain of each hyperparameter, and limits: the ``[space]`` section of a study.

    A value is fixed, a list gives choices, and ``{low, high}`` is a range, with ``step`` or ``log = true``. A
    hyperparameter that a network does not have is ignored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Names = Field(
        default=Choice(choices=("mgnet",)),
        description="Network families: mgnet, resnet, preact_resnet, or a plugin's.",
    )
    levels: Numbers = Field(
        default=Choice(choices=(2,)),
        description="Number of levels J; each further level halves height and width.",
    )
    nu: NumbersPerLevel = Field(
        default=(IntRange(low=1, high=3),),
        description="Smoothing iterations, or residual blocks, of each level.",
    )
    c_u: Widths = Field(
        default=(IntRange(low=8, high=64, step=8),), description="Feature channels of each level."
    )
    c_f: DataWidths = Field(
        default="c_u", description='Data channels of each level; "c_u": equal to the feature channels.'
    )
    share_a: Annotated[Choice, words(*SHARINGS), spelled] = Field(
        default=Choice(choices=("level",)), description="Sharing of operator A: network, level or iteration."
    )
    share_b: Annotated[Choice, words(*SHARINGS), spelled] = Field(
        default=Choice(choices=("level", "iteration")),
        description="Sharing of operator B: network, level or iteration.",
    )
    smoother: Annotated[Choice, words(*SMOOTHERS), spelled] = Field(
        default=Choice(choices=("conv",)),
        description="Smoother of MgNets: conv, linear, quadratic or two_step.",
    )
    smoothers: dict[str, dict[str, AnyDomain]] = Field(
        default={}, description="Options of the smoothers, in [space.smoothers.NAME]."
    )
    kernel_b: Annotated[Choice, words(*KERNELS), spelled] = Field(
        default=Choice(choices=(3,)), description="Kernel size of B: 1, 3 or 5 pixels."
    )
    groups_b: GroupsDomain = Field(
        default=Choice(choices=(1,)),
        description='Groups of the convolutions of B; "depthwise": as many as divide the channels.',
    )
    interpolation: Annotated[Choice, words("conv", "depthwise", "pool", "zero"), spelled] = Field(
        default=Choice(choices=("conv",)),
        description="Operator Pi that carries features to the next level: conv, depthwise, pool or zero.",
    )
    restriction: Annotated[Choice, words("conv", "depthwise", "pool"), spelled] = Field(
        default=Choice(choices=("conv",)),
        description="Operator R that carries residuals to the next level: conv, depthwise or pool.",
    )
    block: Annotated[Choice, words("basic", "bottleneck"), spelled] = Field(
        default=Choice(choices=("basic",)), description="Block of ResNets: basic or bottleneck."
    )
    stem: Annotated[Choice, words("cifar", "imagenet"), spelled] = Field(
        default=Choice(choices=("cifar",)),
        description="First layers: cifar (3x3) or imagenet (7x7 with stride 2, then max-pooling).",
    )
    stem_channels: Numbers | None = Field(
        default=None, description="Channels of the stem of ResNets; unset: the data channels of level 1."
    )
    activation: Annotated[Choice, words("relu", "leaky_relu", "silu", "gelu", "hardswish"), spelled] = Field(
        default=Choice(choices=("relu",)),
        description="Activation sigma: relu, leaky_relu, silu, gelu or hardswish.",
    )
    dropout: Fractions = Field(
        default=Choice(choices=(0.0,)), description="Dropout probability before the linear layer."
    )
    families: dict[str, dict[str, AnyDomain]] = Field(
        default={}, description="Hyperparameters of a plugin's family, in [space.families.NAME]."
    )
    train: dict[str, AnyDomain] = Field(
        default={}, description="Keys of [train] that are searched too, in [space.train]."
    )
    max_params: int | None = Field(
        default=None, gt=0, le=10**18, description="Limit of trainable parameters; unset: no limit."
    )
    max_macs: int | None = Field(
        default=None, gt=0, le=10**18, description="Limit of MACs of one image; unset: no limit."
    )
    max_activation_mib: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Limit of activation memory of a training step in MiB, float32, not of inference; unset: no limit.",
    )

    max_flash_kib: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Limit of the flash of a microcontroller in KiB: weights and tables of the int8 C code, without"
        " the code itself; unset: no limit.",
    )
    max_sram_kib: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Limit of the SRAM of a microcontroller in KiB: static memory of the int8 C code for one image;"
        " unset: no limit.",
    )

    @field_validator("levels", "nu", "c_u", "c_f", "groups_b", "stem_channels")
    @classmethod
    def _in_range(cls, value: Hyperparameter, info: ValidationInfo) -> Hyperparameter:
        assert info.field_name is not None
        at_most = AT_MOST[info.field_name]
        if isinstance(value, Increments):
            check_positive([value.first], at_most)
            check_positive([value.increment], at_most, at_least=0)
        elif value is not None and value != "c_u":
            check_positive(value if isinstance(value, tuple) else [value], at_most)
        return value

    @field_validator("dropout")
    @classmethod
    def _is_a_probability(cls, value: Domain) -> Domain:
        for end in (value.smallest, value.largest):
            if isinstance(end, str) or not 0 <= end < 1:
                raise ValueError(f"takes numbers from 0 to less than 1, but got {shown(end)}")
        return value

    @field_validator("family")
    @classmethod
    def _is_known(cls, value: Choice) -> Choice:
        for name in value.choices:
            if name not in family_names():
                raise ValueError(
                    f"must be one of {sorted(family_names())}, but got {shown(name)}"
                    f"{nearest(str(name), family_names())}"
                )
        return value

    @field_validator("smoothers")
    @classmethod
    def _are_options(cls, value: dict[str, dict[str, Domain]]) -> dict[str, dict[str, Domain]]:
        for kind, options in value.items():
            if kind not in SMOOTHERS:
                raise ValueError(_unknown(f"smoother {kind!r}", kind, list(SMOOTHERS)))
            fields = [name for name in SMOOTHERS[kind].model_fields if name != "kind"]
            for option, domain in options.items():
                if option not in fields:
                    raise ValueError(_unknown(f"option {option!r} of {kind}", option, fields))
                for choice in domain.values():
                    _check_option(kind, option, choice)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        depth = int(self.levels.largest)
        for name in ("nu", "c_u", "c_f"):
            domains = getattr(self, name)
            if isinstance(domains, tuple) and len(domains) not in (1, depth):
                raise ValueError(
                    f"{name} needs one domain for all levels or {depth}, one for each, but got {len(domains)}"
                )
        built_in = {family.name for family in BUILT_IN}
        for name, fields in self.families.items():
            if name not in self.family.choices or name in built_in:
                raise ValueError(
                    f"families.{name} is for a family of a plugin that family names, but family is "
                    f"{shown(self.family.spelling())}"
                )
            own = [key for key in family_named(name, "space").spec_type.model_fields if key != "family"]
            for field in fields:
                if field not in own:
                    raise ValueError(_unknown(f"field {field!r} of the family {name}", field, own))
        return self


def _unknown(what: str, word: str, known: list[str]) -> str:
    listed = ", ".join(known) or "none"
    return f"there is no {what}{nearest(word, known)} (known: {listed})"


def _check_option(kind: str, option: str, value: Any) -> None:
    from space.core.validation import rule_of

    try:
        SMOOTHERS[kind].model_validate({option: value})
    except ValidationError as error:
        raise ValueError(f"{kind}.{option} {rule_of(error)[0]}, but got {shown(value)}") from None
