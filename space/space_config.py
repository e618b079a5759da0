"""The ``[space]`` section of a study: a domain for every knob of the families, and limits."""

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
from space.errors import nearest, shown
from space.families import BUILT_IN, family_named, family_names
from space.grid_spec import KERNELS
from space.sharing import SHARINGS
from space.smoothers import SMOOTHERS

AT_MOST = {"levels": 32, "nu": 1_000, "c_u": 10**9, "c_f": 10**9, "groups_b": 4096, "stem_channels": 4096}
"""The largest numbers of a space: beyond them lie no networks, only counts that never come to an end."""

Knob = Domain | PerLevel | Increments | Literal["c_u"] | None


class SpaceConfig(BaseModel):
    """A domain for every knob, and limits. Knobs that a network does not have are not asked for.

    ``smoothers`` holds the options of smoothers by their kind (``[space.smoothers.two_step]``), ``families``
    the fields of a plugin's specs by the family's name, and ``train`` keys of the study's ``[train]`` section
    that are searched along with the network. ``max_activation_mib`` is for a training step of the study's
    largest batch in float32.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Names = Field(
        default=Choice(choices=("mgnet",)), description="mgnet, resnet, preact_resnet, or a plugin's"
    )
    levels: Numbers = Field(default=Choice(choices=(2,)), description="number of levels J")
    nu: NumbersPerLevel = Field(
        default=(IntRange(low=1, high=3),), description="smoothing iterations, or blocks, of a level"
    )
    c_u: Widths = Field(
        default=(IntRange(low=8, high=64, step=8),), description="feature channels of a level"
    )
    c_f: DataWidths = Field(default="c_u", description='data channels of a level, or "c_u"')
    share_a: Annotated[Choice, words(*SHARINGS), spelled] = Choice(choices=("level",))
    share_b: Annotated[Choice, words(*SHARINGS), spelled] = Choice(choices=("level", "iteration"))
    smoother: Annotated[Choice, words(*SMOOTHERS), spelled] = Choice(choices=("conv",))
    smoothers: dict[str, dict[str, AnyDomain]] = Field(default={})
    kernel_b: Annotated[Choice, words(*KERNELS), spelled] = Choice(choices=(3,))
    groups_b: GroupsDomain = Choice(choices=(1,))
    interpolation: Annotated[Choice, words("conv", "depthwise", "pool", "zero"), spelled] = Choice(
        choices=("conv",)
    )
    restriction: Annotated[Choice, words("conv", "depthwise", "pool"), spelled] = Choice(choices=("conv",))
    block: Annotated[Choice, words("basic", "bottleneck"), spelled] = Choice(choices=("basic",))
    stem: Annotated[Choice, words("cifar", "imagenet"), spelled] = Choice(choices=("cifar",))
    stem_channels: Numbers | None = None
    activation: Annotated[Choice, words("relu", "leaky_relu", "silu", "gelu", "hardswish"), spelled] = Choice(
        choices=("relu",)
    )
    dropout: Fractions = Choice(choices=(0.0,))
    families: dict[str, dict[str, AnyDomain]] = Field(default={})
    train: dict[str, AnyDomain] = Field(default={})
    max_params: int | None = Field(default=None, gt=0, le=10**18)
    max_macs: int | None = Field(default=None, gt=0, le=10**18)
    max_activation_mib: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @field_validator("levels", "nu", "c_u", "c_f", "groups_b", "stem_channels")
    @classmethod
    def _in_range(cls, value: Knob, info: ValidationInfo) -> Knob:
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
    from space.validation import rule_of

    try:
        SMOOTHERS[kind].model_validate({option: value})
    except ValidationError as error:
        raise ValueError(f"{kind}.{option} {rule_of(error)[0]}, but got {shown(value)}") from None
