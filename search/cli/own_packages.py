"""Import the packages of mgnas, even if files of a user have the same names.

This file runs first. Its own imports are limited to the standard library.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("space", "trainers", "results", "search")


def import_own_packages() -> None:
    """Import the four packages of this installation, independent of the order of ``sys.path``.

    Raises:
        ImportError: Another module was imported under one of their names.
    """
    for name in PACKAGES:
        module = sys.modules.get(name)
        if module is None:
            _import_from_root(name)
        elif not _is_ours(module, name):
            raise ImportError(
                f"mgnas has a package named {name!r}, but {_place(module)} was imported under this name; "
                f"import mgnas before it, or rename it",
                name=name,
            )


def leave_current_folder() -> None:
    """Remove the current folder, which ``python -m`` puts first, from ``sys.path``."""
    with suppress(OSError):  # the current folder may be deleted
        first = Path(sys.path[0] or os.curdir).resolve()
        if first == Path.cwd().resolve() and first != ROOT:
            del sys.path[0]


def _import_from_root(name: str) -> None:
    spec = PathFinder.find_spec(name, [str(ROOT)])
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _is_ours(module: ModuleType, name: str) -> bool:
    return Path(getattr(module, "__file__", None) or "").resolve() == ROOT / name / "__init__.py"


def _place(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or f"the folder {next(iter(getattr(module, '__path__', '?')))}"
