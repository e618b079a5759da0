"""``import mgnas`` and the command, beside arbitrary user files in the script's or current folder."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mgnas
from tests.support.waiting import MOST_S

SHADOWS = {
    "a module": {"search.py": "raise SystemExit('the user\\'s')", "space.py": "x = 1"},
    "a package": {"results/__init__.py": "", "trainers/__init__.py": ""},
    "a folder": {"results/a.csv": "", "search/b.csv": ""},
}
COMMANDS = {
    "script": [str(Path(sys.executable).parent / "mgnas")],
    "module": [sys.executable, "-m", "mgnas"],
}


def python(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | environment
    return subprocess.run(
        arguments, cwd=cwd, env=env, capture_output=True, text=True, timeout=MOST_S, check=False
    )


def lay(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("kind", SHADOWS)
@pytest.mark.parametrize("how", COMMANDS)
def test_command_ignores_files_of_the_current_folder(kind: str, how: str, tmp_path: Path) -> None:
    lay(tmp_path, SHADOWS[kind])
    for path in ("", "."):
        run = python(*COMMANDS[how], "front", "nothing", cwd=tmp_path, PYTHONPATH=path)
        assert (run.returncode, run.stderr.partition(";")[0]) == (2, "mgnas: there is no folder nothing")


@pytest.mark.slow
def test_search_ignores_files_of_the_current_folder(tmp_path: Path) -> None:
    for files in SHADOWS.values():
        lay(tmp_path, files)
    options = ("--trials", "1", "--set", "train.epochs=1", "--dir", "mine")
    run = python(*COMMANDS["module"], "search", "digits", *options, cwd=tmp_path, PYTHONPATH=".")
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHADOWS)
@pytest.mark.parametrize(
    "code",
    [
        "import mgnas\nprint([getattr(mgnas, name).__class__ for name in mgnas.__all__])",
        "from mgnas.optuna import EarlyStopping, FrontierSampler\nprint(EarlyStopping(9), FrontierSampler())",
    ],
)
def test_facade_imports_our_packages_beside_others_of_their_names(
    code: str, kind: str, tmp_path: Path
) -> None:
    lay(tmp_path, SHADOWS[kind])
    (tmp_path / "mine.py").write_text(code)
    run = python(sys.executable, "mine.py", cwd=tmp_path)
    assert run.returncode == 0, run.stderr


def test_error_names_the_module_that_was_taken_for_ours(tmp_path: Path) -> None:
    lay(tmp_path, SHADOWS["a module"] | {"mine.py": "import space\nimport mgnas\nmgnas.run_search()"})
    run = python(sys.executable, "mine.py", cwd=tmp_path)
    last = run.stderr.splitlines()[-1]
    assert last.startswith("ImportError: mgnas has a package named 'space', but ")
    assert str(tmp_path / "space.py") in last
    assert "import mgnas before it, or rename it" in last


@pytest.mark.parametrize("module", ["mgnas", "search", "search.cli.main"])
def test_modules_run_as_the_command(module: str, tmp_path: Path) -> None:
    run = python(sys.executable, "-m", module, "version", cwd=tmp_path)
    assert run.stdout == f"mgnas {mgnas.__version__}\n"


def test_facade_costs_nothing_and_lists_its_names(tmp_path: Path) -> None:
    code = (
        "import sys, mgnas\nassert 'run_search' in dir(mgnas)\n"
        "slow = {'torch', 'optuna', 'pandas', 'numpy', 'search', 'space'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)\n"
    )
    assert python(sys.executable, "-c", code, cwd=tmp_path).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'run_serach'"):
        mgnas.__getattr__("run_serach")


@pytest.mark.parametrize("name", sorted(set(mgnas.__all__) - {"REFERENCES", "Count"}))
def test_help_describes_every_public_name(name: str) -> None:
    public = getattr(mgnas, name)
    assert inspect.getdoc(public)
    assert name in pydoc.render_doc(public, renderer=pydoc.plaintext)


def test_names_for_type_checkers_are_the_public_names() -> None:
    tree = ast.parse(Path(mgnas.__file__).read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {
        alias.asname or alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(typed) == sorted(mgnas.__all__)
    assert all(hasattr(importlib.import_module(str(module)), name) for name, module in typed.items())


def test_nothing_imports_the_facade() -> None:
    packages = [Path(mgnas.__file__).parents[1] / name for name in ("space", "trainers", "results", "search")]
    files = [file for package in packages for file in package.rglob("*.py") if "snippets" not in file.parts]
    assert files
    for file in files:
        assert not re.search(r"^\s*(import|from) mgnas\b", file.read_text("utf-8"), re.MULTILINE), file
