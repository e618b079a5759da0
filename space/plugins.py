"""Plugins: Python files of a user's own that register families of networks when they are loaded."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from space.errors import InvalidInputError, shortened
from space.families import family_names


def load_plugins(paths: Iterable[str | Path]) -> None:
    """Run each file, once as long as it stays the same, so that the families in it become known.

    It runs as any Python file does: load only what you trust.

    Raises:
        InvalidInputError: a file is missing or cannot be read, fails, or registers no family.
    """
    for path in paths:
        _load(Path(path))


def plugin_digest(path: str | Path) -> str:
    """Return what tells two versions of a plugin apart.

    Raises:
        InvalidInputError: the file is missing or cannot be read.
    """
    return hashlib.sha256(_read(Path(path))).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInputError(f"cannot read the plugin {shortened(str(path))}: {reason}") from None


def _load(path: Path) -> None:
    source = _read(path)
    name = f"mgnas_plugin_{hashlib.sha256(source).hexdigest()[:16]}"
    if name in sys.modules:
        return
    module = ModuleType(name)
    module.__file__ = str(path)
    before = set(family_names())
    sys.modules[name] = module  # the annotations of a spec's fields are looked up here
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
        registered = [family for family in family_names() if family not in before or _is_of(family, name)]
        if not registered:
            raise InvalidInputError(
                f"the plugin {path} registers no family: call space.register_family(YourSpec, your_builder)"
            )
    except InvalidInputError:
        del sys.modules[name]
        raise
    except Exception as error:  # the code is the user's: whatever it raises is to be told in one line
        del sys.modules[name]
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
        ]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
        where = f"line {line}: " if line else ""
        raise InvalidInputError(
            f"the plugin {path} fails: {where}{type(error).__name__}: {shortened(str(error))}"
        ) from error


def _is_of(family: str, module: str) -> bool:
    from space.families import family_named

    return family_named(family, "plugin").spec_type.__module__ == module
