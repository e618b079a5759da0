"""The registry of network families: the built-in ones and those of plugins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import PydanticUserError

from space.core.errors import InvalidInputError, nearest, shortened, shown
from space.networks.counts import LayerCount
from space.networks.mgnet import MgNetSpec
from space.networks.resnet import PreActResNetSpec, ResNetSpec
from space.networks.spec import Spec

if TYPE_CHECKING:
    from torch import nn

Builder = Callable[[Any], "nn.Module"]
"""A function from a spec to its freshly initialised module, which maps images N C H W to logits N K."""


@dataclass(frozen=True)
class Family:
    """A family: the type of its specs and the builder of its modules.

    ``builder`` is a function, or ``module:name`` where importing the module would import torch.
    """

    spec_type: type[Spec]
    builder: Builder | str

    @property
    def name(self) -> str:
        """The name of the family in specs and study files."""
        return str(self.spec_type.model_fields["family"].default)

    def build(self, spec: Spec) -> nn.Module:
        """Return the freshly initialised network of ``spec``."""
        builder = self.builder
        if isinstance(builder, str):
            module, _, name = builder.partition(":")
            builder = getattr(import_module(module), name)
        return builder(spec)


class BuiltCounter:
    """Counts the networks of a family without formulas on the built network (``space.modules.counting``)."""

    def __init__(self, build: Builder) -> None:
        self._build = build

    def params(self, spec: Spec) -> int:
        """Return the number of learned parameters."""
        from space.modules.counting import built_params

        return built_params(spec, self._build)

    def layers(self, spec: Spec, image_size: tuple[int, int]) -> tuple[LayerCount, ...]:
        """Return the counts of every layer for images of ``image_size`` (H, W)."""
        from space.modules.counting import built_layers

        return built_layers(spec, image_size, self._build)


BUILT_IN = (
    Family(MgNetSpec, "space.modules.mgnet:MgNet"),
    Family(ResNetSpec, "space.modules.resnet:ResNet"),
    Family(PreActResNetSpec, "space.modules.preact_resnet:PreActResNet"),
)
_families: dict[str, Family] = {family.name: family for family in BUILT_IN}


def family_names() -> list[str]:
    """Return the names of all registered families."""
    return list(_families)


def all_families() -> list[Family]:
    """Return all registered families."""
    return list(_families.values())


def restore(families: Iterable[Family]) -> None:
    """Register families again that were registered before."""
    _families.update({family.name: family for family in families})


def spec_types() -> list[type[Spec]]:
    """Return the spec types of all registered families."""
    return [family.spec_type for family in _families.values()]


def family_named(name: Any, source: str) -> Family:
    """Return the family called ``name``.

    Args:
        name: A family's name; any other value is refused.
        source: The place of the name, for the error message.

    Raises:
        InvalidInputError: No family has this name.
    """
    if not isinstance(name, str) or name not in _families:
        hint = nearest(str(name), family_names())
        raise InvalidInputError(
            f"{source}: family must be one of {sorted(_families)}, but got {shown(name)}{hint} "
            "(one of your own becomes known when its file is loaded: --plugin, or plugins in a study)"
        )
    return _families[name]


def register_family(spec_type: type[Spec], build: Builder) -> None:
    """Register a family of networks, so that specs, notation and search spaces include it.

    Registering the same type again replaces it, as when its file is loaded twice.

    Args:
        spec_type: A type derived from ``Spec``. The default of its field ``family`` is the family's name. An
            empty ``notation_name`` becomes the type's name without ``Spec``.
        build: Returns the freshly initialised network of a spec; it maps images N C H W to logits N K.

    Raises:
        InvalidInputError: The type or the builder is invalid, or another family has the same name.
    """
    if not (isinstance(spec_type, type) and issubclass(spec_type, Spec)):
        raise InvalidInputError(f"register_family takes a type derived from Spec, but got {spec_type!r}")
    name = spec_type.model_fields["family"].default
    if not isinstance(name, str) or not name.isidentifier():
        raise InvalidInputError(
            f'{spec_type.__name__} needs a family name as default: family: Literal["mine"] = "mine"'
        )
    if not callable(build):
        raise InvalidInputError(f"the builder of the family {name!r} must be callable, but got {build!r}")
    try:
        spec_type.model_rebuild()
    except PydanticUserError as error:
        raise InvalidInputError(f"{spec_type.__name__} is no spec: {shortened(str(error))}") from None
    known = _families.get(name)
    if known is not None and (known in BUILT_IN or known.spec_type.__qualname__ != spec_type.__qualname__):
        raise InvalidInputError(
            f"the family {name!r} of {spec_type.__name__} is already that of {known.spec_type.__name__}"
        )
    if not spec_type.notation_name:
        spec_type.notation_name = spec_type.__name__.removesuffix("Spec")
    same = [
        f.name
        for f in _families.values()
        if f.spec_type.notation_name == spec_type.notation_name and f.name != name
    ]
    if same:
        raise InvalidInputError(
            f"the notation of the family {name!r} begins with {spec_type.notation_name!r}, "
            f"as that of {same[0]!r} does: set another notation_name"
        )
    spec_type.layer_counter = BuiltCounter(build)
    _families[name] = Family(spec_type, build)
