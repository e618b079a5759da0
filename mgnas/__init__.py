"""Neural architecture search for compact image classifiers: the public API.

``run_search`` searches, ``open_study`` reads a study, ``Classifier`` runs an exported network. Every name is
imported when it is first used: ``import mgnas`` itself costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from results.database_errors import StorageFullError
    from results.front import pareto_front
    from results.indicators import hypervolume
    from results.records import TrialRecord
    from results.study import StudyResults, open_study
    from search.api import run_search
    from search.config import StudyConfig
    from search.driver import SearchError
    from search.frontier import FrontierSampler, note_epoch
    from space.counts import Counts, LayerCount
    from space.errors import InvalidInputError, MgnasError
    from space.families import register_family
    from space.mgnet import Level, MgNetSpec
    from space.modules import Classifier
    from space.modules.build import build
    from space.notation.parse import parse_notation
    from space.plugins import load_plugins
    from space.reading import load_spec, read_spec
    from space.references import REFERENCES, read_reference
    from space.resnet import PreActResNetSpec, ResNetSpec
    from space.search_space import SearchSpace
    from space.space_config import SpaceConfig
    from space.spec import Count, Spec
    from trainers.data import DataConfig, HeldOutData, SearchData, load_held_out, load_search_data
    from trainers.recipe import Recipe

_HOMES = {
    "Classifier": "space.modules",
    "Count": "space.spec",
    "Counts": "space.counts",
    "DataConfig": "trainers.data",
    "FrontierSampler": "search.frontier",
    "HeldOutData": "trainers.data",
    "InvalidInputError": "space.errors",
    "LayerCount": "space.counts",
    "Level": "space.mgnet",
    "MgNetSpec": "space.mgnet",
    "MgnasError": "space.errors",
    "PreActResNetSpec": "space.resnet",
    "REFERENCES": "space.references",
    "Recipe": "trainers.recipe",
    "ResNetSpec": "space.resnet",
    "SearchData": "trainers.data",
    "SearchError": "search.driver",
    "SearchSpace": "space.search_space",
    "SpaceConfig": "space.space_config",
    "Spec": "space.spec",
    "StorageFullError": "results.database_errors",
    "StudyConfig": "search.config",
    "StudyResults": "results.study",
    "TrialRecord": "results.records",
    "build": "space.modules.build",
    "hypervolume": "results.indicators",
    "load_held_out": "trainers.data",
    "load_plugins": "space.plugins",
    "load_search_data": "trainers.data",
    "load_spec": "space.reading",
    "note_epoch": "search.frontier",
    "open_study": "results.study",
    "pareto_front": "results.front",
    "parse_notation": "space.notation.parse",
    "read_reference": "space.references",
    "read_spec": "space.reading",
    "register_family": "space.families",
    "run_search": "search.api",
}
__all__ = [
    "REFERENCES",
    "Classifier",
    "Count",
    "Counts",
    "DataConfig",
    "FrontierSampler",
    "HeldOutData",
    "InvalidInputError",
    "LayerCount",
    "Level",
    "MgNetSpec",
    "MgnasError",
    "PreActResNetSpec",
    "Recipe",
    "ResNetSpec",
    "SearchData",
    "SearchError",
    "SearchSpace",
    "SpaceConfig",
    "Spec",
    "StorageFullError",
    "StudyConfig",
    "StudyResults",
    "TrialRecord",
    "build",
    "hypervolume",
    "load_held_out",
    "load_plugins",
    "load_search_data",
    "load_spec",
    "note_epoch",
    "open_study",
    "pareto_front",
    "parse_notation",
    "read_reference",
    "read_spec",
    "register_family",
    "run_search",
]


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used.

    Raises:
        ImportError: a module of the user's has the name of one of our packages.
    """
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("mgnas")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_own_packages()
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def import_own_packages() -> None:
    """Import our packages from where this one lies: see ``search.own_packages``, which is read as a file."""
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    file = Path(__file__).resolve().parents[1] / "search" / "own_packages.py"
    spec = spec_from_file_location("mgnas._own_packages", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.import_own_packages()
