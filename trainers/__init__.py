"""How one network is trained and measured: data, recipe, the loop, its weights on disk.

``Training`` imports torch; the data and the recipe do without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers.data import DataConfig, SearchData, load_held_out, load_search_data
    from trainers.device_data import DeviceData, ResidentData
    from trainers.recipe import Recipe
    from trainers.training import Training

_HOMES = {
    "DataConfig": "trainers.data",
    "DeviceData": "trainers.device_data",
    "Recipe": "trainers.recipe",
    "ResidentData": "trainers.device_data",
    "SearchData": "trainers.data",
    "Training": "trainers.training",
    "load_held_out": "trainers.data",
    "load_search_data": "trainers.data",
}
__all__ = [
    "DataConfig",
    "DeviceData",
    "Recipe",
    "ResidentData",
    "SearchData",
    "Training",
    "load_held_out",
    "load_search_data",
]


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
