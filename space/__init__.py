"""What a network is: specs, their notation and identity, exact counts, search spaces, torch modules.

``build`` imports torch; everything else here does without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from space.counts import LayerCount
    from space.errors import InvalidInputError, MgnasError
    from space.mgnet import Level, MgNetSpec
    from space.modules.build import build
    from space.notation import parse_notation
    from space.reading import load_spec, read_spec
    from space.search_space import SearchSpace
    from space.space_config import SpaceConfig
    from space.spec import Spec

_HOMES = {
    "LayerCount": "space.counts",
    "InvalidInputError": "space.errors",
    "MgnasError": "space.errors",
    "Level": "space.mgnet",
    "MgNetSpec": "space.mgnet",
    "build": "space.modules.build",
    "parse_notation": "space.notation",
    "load_spec": "space.reading",
    "read_spec": "space.reading",
    "SearchSpace": "space.search_space",
    "SpaceConfig": "space.space_config",
    "Spec": "space.spec",
}
__all__ = [
    "InvalidInputError",
    "LayerCount",
    "Level",
    "MgNetSpec",
    "MgnasError",
    "SearchSpace",
    "SpaceConfig",
    "Spec",
    "build",
    "load_spec",
    "parse_notation",
    "read_spec",
]


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
