"""The rules of the architecture: imports between packages, and imports at start-up."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.waiting import MOST_S

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "space": set(),
    "trainers": {"space"},
    "results": {"space"},
    "search": {"space", "trainers", "results"},
    "mgnas": {"space", "trainers", "results", "search"},
}

MOST_OF_A_SUB_PACKAGE = 0.15
"""Share of all source lines that one sub-package may hold."""


def imported_packages(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names} & set(MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    # snippets are copied into exports and run there
    files = [file for file in (ROOT / package).rglob("*.py") if "snippets" not in file.parts]
    assert files
    for file in files:
        extra = imported_packages(file) - MAY_IMPORT[package] - {package}
        assert not extra, f"{file.relative_to(ROOT)} imports {extra}"


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Return every module of the five packages by its full name."""
    found = {}
    for package in MAY_IMPORT:
        for file in (root / package).rglob("*.py"):
            parts = file.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported_modules(name: str, known: dict[str, Path]) -> set[str]:
    """Return the modules that a module imports anywhere: in functions and under TYPE_CHECKING too."""
    found: set[str] = set()
    is_package = known[name].name == "__init__.py"
    parents = name.split(".") if is_package else name.split(".")[:-1]
    for node in ast.walk(ast.parse(known[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return (found & known.keys()) - {name}


def import_circle(root: Path = ROOT) -> list[str]:
    """Return the modules of one import circle, the first of them again at the end; empty without a circle."""
    known = modules(root)
    try:
        TopologicalSorter({name: imported_modules(name, known) for name in known}).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    circle = import_circle()
    assert not circle, " <- ".join(circle)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("from space.b import x", "from space.a import y"),
        ("from space import b", "def f():\n    import space.a"),
        ("from .b import x", "if TYPE_CHECKING:\n    from . import a"),
    ],
)
def test_import_circles_are_found(tmp_path: Path, first: str, second: str) -> None:
    folder = tmp_path / "space"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "a.py").write_text(first, encoding="utf-8")
    (folder / "b.py").write_text("x = 1\n", encoding="utf-8")
    assert not import_circle(tmp_path)
    (folder / "b.py").write_text(second, encoding="utf-8")
    assert set(import_circle(tmp_path)) == {"space.a", "space.b"}


def test_no_sub_package_is_large() -> None:
    """A sub-package is a folder of a package, or the files beside those folders."""
    lines: Counter[str] = Counter()
    for file in modules().values():
        parts = file.relative_to(ROOT).parts
        name = "/".join(parts[:2]) if len(parts) > 2 else f"{parts[0]}/*.py"
        lines[name] += len(file.read_text(encoding="utf-8").splitlines())
    shares = {name: count / lines.total() for name, count in lines.most_common()}
    text = "\n".join(f"{share:6.1%} {name}" for name, share in shares.items())
    assert max(shares.values()) <= MOST_OF_A_SUB_PACKAGE, text


def test_help_imports_nothing_slow() -> None:
    """0.3 s for ``mgnas --help`` is kept by what is not imported; time itself is no test's business."""
    code = (
        "import sys, contextlib, io\n"
        "from search.cli.main import run\n"
        "with contextlib.redirect_stdout(io.StringIO()) as out: assert run(['--help']) == 0\n"
        "assert 'export' in out.getvalue()\n"
        "slow = {'torch', 'optuna', 'plotly', 'pandas', 'numpy', 'sklearn', 'sqlalchemy'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=MOST_S)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_public_names_exist(package: str) -> None:
    module = __import__(package)
    assert module.__doc__
    for name in getattr(module, "__all__", []):
        assert getattr(module, name) is not None
