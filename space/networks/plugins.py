"""Plugins: a user's Python files that register families of networks on loading."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

from space.core.errors import InvalidInputError, reason_of, shortened
from space.core.system_errors import explain_system_error
from space.networks.families import Family, all_families, restore

_loaded: dict[str, list[Family]] = {}
"""The families of every plugin that was run, by the name of its module, which changes with its content."""


def load_plugins(paths: Iterable[str | Path]) -> None:
    """Run Python files that register families. An unchanged file runs once.

    The files run with the rights of the program. Load only trusted files.

    Raises:
        InvalidInputError: A file is missing, fails, or registers no family.
    """
    for path in paths:
        _load(Path(path))


def plugin_digest(path: str | Path) -> str:
    """Return the SHA-256 of a plugin's file in hexadecimal digits.

    Raises:
        InvalidInputError: The file is missing or cannot be read.
    """
    return hashlib.sha256(_read(Path(path))).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = explain_system_error(error) if isinstance(error, OSError) else error
        raise InvalidInputError(f"cannot read the plugin {shortened(str(path))}: {reason}") from None


def _load(path: Path) -> None:
    source = _read(path)
    name = f"mgnas_plugin_{hashlib.sha256(source).hexdigest()[:16]}"
    if name in _loaded:
        restore(_loaded[name])  # another version may have replaced the families since
        return
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # field annotations of a spec resolve in this module
    try:
        with redirect_stdout(sys.stderr):  # stdout is reserved for the command's output
            exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
        registered = [family for family in all_families() if family.spec_type.__module__ == name]
        if not registered:
            raise InvalidInputError(
                f"the plugin {path} registers no family: call space.register_family(YourSpec, your_builder)"
            )
        _loaded[name] = registered
    except InvalidInputError:
        del sys.modules[name]
        raise
    except (
        Exception,
        SystemExit,
    ) as error:  # user code can raise any error; report it in one line
        del sys.modules[name]
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
        ]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
        where = f"line {line}: " if line else ""
        raise InvalidInputError(f"the plugin {path} fails: {where}{reason_of(error)}") from error
