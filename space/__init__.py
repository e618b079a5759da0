"""Architectures: specs with exact counts, their notation and torch modules, and search spaces over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from space.core.lazy import lazy_names

if TYPE_CHECKING:
    from space.config import SpaceConfig
    from space.core.errors import InvalidInputError, MgnasError
    from space.modules.build import build
    from space.networks.counts import Counts, LayerCount
    from space.networks.families import register_family
    from space.networks.grid_spec import Level
    from space.networks.load import load_spec, read_spec
    from space.networks.mgnet import MgNetSpec
    from space.networks.plugins import load_plugins
    from space.networks.references import REFERENCES, read_reference
    from space.networks.resnet import PreActResNetSpec, ResNetSpec
    from space.networks.spec import Spec
    from space.notation.parse import parse_notation
    from space.search_space import SearchSpace

_MODULES = {
    "Counts": "space.networks.counts",
    "InvalidInputError": "space.core.errors",
    "LayerCount": "space.networks.counts",
    "Level": "space.networks.grid_spec",
    "MgNetSpec": "space.networks.mgnet",
    "MgnasError": "space.core.errors",
    "PreActResNetSpec": "space.networks.resnet",
    "REFERENCES": "space.networks.references",
    "ResNetSpec": "space.networks.resnet",
    "SearchSpace": "space.search_space",
    "SpaceConfig": "space.config",
    "Spec": "space.networks.spec",
    "build": "space.modules.build",
    "load_plugins": "space.networks.plugins",
    "load_spec": "space.networks.load",
    "parse_notation": "space.notation.parse",
    "read_reference": "space.networks.references",
    "read_spec": "space.networks.load",
    "register_family": "space.networks.families",
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

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
