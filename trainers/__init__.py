"""How one network is trained and measured: data, recipe, the loop, its weights on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from space.core.lazy import lazy_names

if TYPE_CHECKING:
    from trainers.data.config import DataConfig
    from trainers.data.device_data import DeviceData, ResidentData
    from trainers.data.load_splits import load_held_out, load_search_data
    from trainers.data.splits import SearchData
    from trainers.recipe import Recipe
    from trainers.training import Training

_MODULES = {
    "DataConfig": "trainers.data.config",
    "DeviceData": "trainers.data.device_data",
    "Recipe": "trainers.recipe",
    "ResidentData": "trainers.data.device_data",
    "SearchData": "trainers.data.splits",
    "Training": "trainers.training",
    "load_held_out": "trainers.data.load_splits",
    "load_search_data": "trainers.data.load_splits",
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
