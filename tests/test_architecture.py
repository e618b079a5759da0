"""The rules of the architecture: which package imports which, and what start-up imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "space": set(),
    "trainers": {"space"},
    "results": {"space"},
    "search": {"space", "trainers", "results"},
    "mgnas": {"space", "trainers", "results", "search"},
}


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
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_public_names_exist(package: str) -> None:
    module = __import__(package)
    assert module.__doc__
    for name in getattr(module, "__all__", []):
        assert getattr(module, name) is not None
