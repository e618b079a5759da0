"""How one network is trained and measured: data, recipe, the loop, its weights on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from space.core.lazy import lazy_names

if TYPE_CHECKING:
    from trainers.data.device_data import DeviceData, ResidentData
    from trainers.data.splits import DataConfig, SearchData, load_held_out, load_search_data
    from trainers.recipe import Recipe
    from trainers.training import Training

_MODULES = {
    "DataConfig": "trainers.data.splits",
    "DeviceData": "trainers.data.device_data",
    "Recipe": "trainers.recipe",
    "ResidentData": "trainers.data.device_data",
    "SearchData": "trainers.data.splits",
    "Training": "trainers.training",
    "load_held_out": "trainers.data.splits",
    "load_search_data": "trainers.data.splits",
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

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
