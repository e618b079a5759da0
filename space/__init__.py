"""What a network is: specs, their notation and identity, exact counts, search spaces, torch modules.

``build`` imports torch; everything else here does without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from space.counts import Counts, LayerCount
    from space.errors import InvalidInputError, MgnasError
    from space.families import register_family
    from space.mgnet import Level, MgNetSpec
    from space.modules.build import build
    from space.notation.parse import parse_notation
    from space.plugins import load_plugins
    from space.reading import load_spec, read_spec
    from space.references import REFERENCES, read_reference
    from space.resnet import PreActResNetSpec, ResNetSpec
    from space.search_space import SearchSpace
    from space.space_config import SpaceConfig
    from space.spec import Spec

_HOMES = {
    "Counts": "space.counts",
    "LayerCount": "space.counts",
    "InvalidInputError": "space.errors",
    "MgnasError": "space.errors",
    "register_family": "space.families",
    "Level": "space.mgnet",
    "MgNetSpec": "space.mgnet",
    "build": "space.modules.build",
    "parse_notation": "space.notation.parse",
    "load_plugins": "space.plugins",
    "load_spec": "space.reading",
    "read_spec": "space.reading",
    "REFERENCES": "space.references",
    "read_reference": "space.references",
    "PreActResNetSpec": "space.resnet",
    "ResNetSpec": "space.resnet",
    "SearchSpace": "space.search_space",
    "SpaceConfig": "space.space_config",
    "Spec": "space.spec",
}
__all__ = [
    "REFERENCES",
    "Counts",
    "InvalidInputError",
    "LayerCount",
    "Level",
    "MgNetSpec",
    "MgnasError",
    "PreActResNetSpec",
    "ResNetSpec",
    "SearchSpace",
    "SpaceConfig",
    "Spec",
    "build",
    "load_plugins",
    "load_spec",
    "parse_notation",
    "read_reference",
    "read_spec",
    "register_family",
]


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
