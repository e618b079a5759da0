"""Neural architecture search for compact image classifiers: the public API.

- ``run_search`` runs a search, ``train`` trains named networks, ``certify`` measures a front on held-out images,
  ``open_study`` reads a study.
- ``Classifier`` runs an exported network.
- ``SearchSpace``, ``parse_notation`` and ``build`` handle networks without a training.
- ``FrontierSampler``, ``EarlyStopping`` and ``note_epoch`` serve Optuna studies of your own.
- ``simulate`` compares search methods on recorded trainings; ``verify`` checks a recorded study.

Names are imported on first use, so ``import mgnas`` is fast.

Example:
    >>> import mgnas
    >>> study = mgnas.run_search("digits", trials=12)
    >>> study.export("best")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from results.attainment import attainment_surfaces
    from results.certification.certification import Certification
    from results.certification.records import CertifiedNetwork
    from results.chosen import ChosenNetwork
    from results.comparison.compare import Comparison, compare
    from results.front import pareto_front
    from results.hypervolume import hypervolume
    from results.open import Study
    from results.pareto import is_nondominated, knee_point
    from results.storage.errors import StorageFullError
    from results.storage.objectives import Objectives
    from results.storage.records import TrialRecord
    from search.frontier.optuna.early_stopping import EarlyStopping
    from search.frontier.optuna.sampler import FrontierSampler
    from search.frontier.optuna.trials import note_epoch
    from search.simulator.simulation import Simulation, simulate
    from search.simulator.tabular_benchmark import TabularBenchmark
    from search.study.api import certify, run_search, train
    from search.study.config import StudyConfig
    from search.study.driver import SearchError
    from search.study.opened import open_study
    from search.study.verify import verify
    from space.config import SpaceConfig
    from space.core.errors import InvalidInputError, MgnasError
    from space.modules.build import build
    from space.modules.weights import Classifier
    from space.networks.counts import Counts, LayerCount
    from space.networks.families import register_family
    from space.networks.load import load_spec, read_spec
    from space.networks.mgnet import Level, MgNetSpec
    from space.networks.plugins import load_plugins
    from space.networks.references import REFERENCES, read_reference
    from space.networks.resnet import PreActResNetSpec, ResNetSpec
    from space.networks.spec import Count, Spec
    from space.notation.parse import parse_notation
    from space.search_space import SearchSpace
    from trainers.data.config import DataConfig
    from trainers.data.load_splits import load_held_out, load_search_data
    from trainers.data.splits import HeldOutData, SearchData
    from trainers.recipe import Recipe

_MODULES = {
    "Certification": "results.certification.certification",
    "CertifiedNetwork": "results.certification.records",
    "ChosenNetwork": "results.chosen",
    "Classifier": "space.modules.weights",
    "Comparison": "results.comparison.compare",
    "Count": "space.networks.spec",
    "Counts": "space.networks.counts",
    "DataConfig": "trainers.data.config",
    "EarlyStopping": "search.frontier.optuna.early_stopping",
    "FrontierSampler": "search.frontier.optuna.sampler",
    "HeldOutData": "trainers.data.splits",
    "InvalidInputError": "space.core.errors",
    "LayerCount": "space.networks.counts",
    "Level": "space.networks.mgnet",
    "MgNetSpec": "space.networks.mgnet",
    "MgnasError": "space.core.errors",
    "Objectives": "results.storage.objectives",
    "PreActResNetSpec": "space.networks.resnet",
    "REFERENCES": "space.networks.references",
    "Recipe": "trainers.recipe",
    "ResNetSpec": "space.networks.resnet",
    "SearchData": "trainers.data.splits",
    "SearchError": "search.study.driver",
    "SearchSpace": "space.search_space",
    "Simulation": "search.simulator.simulation",
    "SpaceConfig": "space.config",
    "Spec": "space.networks.spec",
    "StorageFullError": "results.storage.errors",
    "Study": "results.open",
    "StudyConfig": "search.study.config",
    "TabularBenchmark": "search.simulator.tabular_benchmark",
    "TrialRecord": "results.storage.records",
    "attainment_surfaces": "results.attainment",
    "build": "space.modules.build",
    "certify": "search.study.api",
    "compare": "results.comparison.compare",
    "hypervolume": "results.hypervolume",
    "is_nondominated": "results.pareto",
    "knee_point": "results.pareto",
    "load_held_out": "trainers.data.load_splits",
    "load_plugins": "space.networks.plugins",
    "load_search_data": "trainers.data.load_splits",
    "load_spec": "space.networks.load",
    "note_epoch": "search.frontier.optuna.trials",
    "open_study": "search.study.opened",
    "pareto_front": "results.front",
    "parse_notation": "space.notation.parse",
    "read_reference": "space.networks.references",
    "read_spec": "space.networks.load",
    "register_family": "space.networks.families",
    "run_search": "search.study.api",
    "simulate": "search.simulator.simulation",
    "train": "search.study.api",
    "verify": "search.study.verify",
}
__all__ = [
    "REFERENCES",
    "Certification",
    "CertifiedNetwork",
    "ChosenNetwork",
    "Classifier",
    "Comparison",
    "Count",
    "Counts",
    "DataConfig",
    "EarlyStopping",
    "FrontierSampler",
    "HeldOutData",
    "InvalidInputError",
    "LayerCount",
    "Level",
    "MgNetSpec",
    "MgnasError",
    "Objectives",
    "PreActResNetSpec",
    "Recipe",
    "ResNetSpec",
    "SearchData",
    "SearchError",
    "SearchSpace",
    "Simulation",
    "SpaceConfig",
    "Spec",
    "StorageFullError",
    "Study",
    "StudyConfig",
    "TabularBenchmark",
    "TrialRecord",
    "attainment_surfaces",
    "build",
    "certify",
    "compare",
    "hypervolume",
    "is_nondominated",
    "knee_point",
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
    "simulate",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use.

    Raises:
        AttributeError: There is no such name.
        ImportError: Another module was imported under the name of a package of mgnas.
    """
    if name == "__version__":
        from space.core.versions import installed_version

        return installed_version("mgnas")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_own_packages()
    from space.core.lazy import lazy_names

    get, _ = lazy_names(__name__, _MODULES)
    return get(name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def import_own_packages() -> None:
    """Import the packages of mgnas beside this file, even if a user's module has the same name.

    The helper is loaded by its path: an import of it could find the user's module.
    """
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    file = Path(__file__).resolve().parents[1] / "search" / "cli" / "own_packages.py"
    spec = spec_from_file_location("mgnas._own_packages", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.import_own_packages()
