"""README and documentation: commands and snippets run, generated parts are complete.

The fence of an untested block states the reason: three backticks, ``bash {no-test="needs a GPU"}``.
``UNTESTED`` lists these blocks.
"""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

import mgnas as facade
from search.cli.app import app
from search.study.config import StudyConfig
from search.study.study_file import read_study_file
from space.targets.read import target_names
from space.targets.target import Target
from tests.support.browser import CHROMIUM, Browser
from tests.support.command_line import mgnas, process_state_restored
from tests.support.pages import shown

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(ROOT).as_posix(): path for path in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
}
FENCE = re.compile(r'^```(\w+)(?: \{no-test="([^"]+)"\})?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
PACKAGES = {"space", "trainers", "results", "search"}
SERVER = "needs a PostgreSQL server; tests/search/study/test_postgresql.py runs it"
UNTESTED = {
    "README.md": ["CI runs it in a new environment", "CI runs it in a new environment"],
    "docs/index.md": ["CI runs it in a new environment"],
    "docs/tutorial/first-search.md": ["installs the package", "takes two minutes; CI runs it"],
    "docs/how-to/add-a-smoother.md": ["part of a file of mgnas", "part of a file of mgnas"],
    "docs/how-to/cluster.md": ["installs a package", "starts Ray", "starts Ray"],
    "docs/how-to/compare-samplers.md": ["needs the checkout as working folder"],
    "docs/how-to/gpus.md": ["needs a GPU and a download"],
    "docs/how-to/kubernetes.md": ["needs Kubernetes", "needs Kubernetes"],
    "docs/how-to/slurm.md": ["needs Slurm", "needs Slurm"],
    "docs/how-to/phone.md": ["installs 6 GB", "installs 2 to 6 GB"],
    "docs/how-to/postgresql.md": ["installs the package", *[SERVER] * 3],
    "docs/how-to/train-one-network.md": ["takes a minute"],
    "docs/how-to/web-page.md": ["serves until Ctrl-C"],
    "docs/how-to/watch-a-search.md": ["serves until Ctrl-C", "serves until Ctrl-C"],
}


@dataclass(frozen=True)
class Block:
    language: str
    reason: str | None
    code: str


def blocks(page: str) -> list[Block]:
    """The bash and Python blocks of a page, in their order."""
    found = [Block(*match) for match in FENCE.findall(PAGES[page].read_text(encoding="utf-8"))]
    return [block for block in found if block.language in ("bash", "python")]


def commands(code: str) -> Iterator[list[str]]:
    """The commands of a bash block as words, without comments and redirections."""
    for line in code.replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in [*shlex.split(line, comments=True), ";"]:
            if word in ("&&", "||", "|", ";"):
                if words:
                    yield words
                words = []
            else:
                words.append(word)


FIRMWARE = "docs/tutorial/photos-to-firmware.md"
"""The page that needs a C compiler."""
WEB_PAGE = "docs/tutorial/photos-to-web-page.md"
"""The page whose result needs a browser."""
RUNNABLE = [
    page
    for page in PAGES
    if page not in (FIRMWARE, WEB_PAGE) and any(not block.reason for block in blocks(page))
]


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration, cut short: what a reader has in runs/digits. A warm start needs six trials."""
    home = tmp_path_factory.mktemp("digits")
    run = mgnas("search", "--trials", "6", "--epochs", "1", cwd=home)
    assert run.returncode == 0, run.stderr
    return home / "runs" / "digits"


SHELL = set("|&;<>$`*?[]{}()~#\\!=")
"""Characters that a shell interprets outside quotes. A command without them means its words."""


def run_bash(code: str, folder: Path) -> str:
    """Run a bash block in a folder and return its output.

    Lines with a plain ``mgnas`` command run in this process: the imports of each process would take most of the
    time. All other code runs in bash.
    """
    written = []
    for is_plain, lines in itertools.groupby(code.replace("\\\n", " ").splitlines(), _is_plain_mgnas):
        if is_plain:
            runs = [mgnas(*shlex.split(line)[1:], cwd=folder) for line in lines]
        else:
            path = f'PATH="{Path(sys.executable).parent}:$PATH"'
            script = ["bash", "-euo", "pipefail", "-c", "\n".join([path, *lines])]
            runs = [
                subprocess.run(script, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
            ]
        for run in runs:
            assert run.returncode == 0, f"{run.args}\n{run.stdout}\n{run.stderr}"
            written.append(run.stdout)
    return "".join(written)


def _is_plain_mgnas(line: str) -> bool:
    unquoted = re.sub(r"'[^']*'", "", line)
    return line.startswith("mgnas ") and not SHELL & set(re.sub(r"(?<= )[\w.]+=", "", unquoted))


def run_python(code: str, folder: Path) -> str:
    """Run a Python block in a folder as the file of a program and return its output."""
    file, output = folder / "snippet.py", io.StringIO()
    file.write_text(code, encoding="utf-8")
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(output),
        process_state_restored(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")  # as in a program of a user
        runpy.run_path(str(file), run_name="__main__")
    return output.getvalue()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", RUNNABLE)
def test_blocks_run_in_their_order(page: str, digits: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(digits, tmp_path / "runs" / "digits")
    for block in blocks(page):
        if block.reason:
            continue
        run = {"bash": run_bash, "python": run_python}[block.language]
        assert run(block.code, tmp_path).strip(), f"prints nothing: {block.code}"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_photos_are_classified_by_the_compiled_code_as_the_tutorial_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    printed = [
        {"bash": run_bash, "python": run_python}[block.language](block.code, tmp_path)
        for block in blocks(FIRMWARE)
    ]
    counts = [re.search(r"C code: (\d+) of (\d+) photos are right", text) for text in printed]
    right, photos = next(map(int, found.groups()) for found in counts if found)
    assert photos == 900
    assert right > photos / 2, "three classes: chance is a third"
    assert any(text.endswith("\nOK\n") for text in printed), "the example computes the logits of the export"


@pytest.mark.slow
def test_photos_are_classified_by_the_web_page_as_the_tutorial_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    printed = [run_bash(block.code, tmp_path) for block in blocks(WEB_PAGE)]
    assert "web: one file of" in printed[-2]
    predicted = dict(re.findall(r"(cross|disc|square) +(\d+\.\d\d) %", printed[-1]))
    assert len(predicted) == 3
    if CHROMIUM is None:
        pytest.skip("there is no Chromium or Chrome")
    (page,) = re.findall(r"Open `(.*)` in a browser", PAGES[WEB_PAGE].read_text(encoding="utf-8"))
    (photo,) = re.findall(r"mgnas predict \S+ (\S+)", blocks(WEB_PAGE)[-1].code)
    with Browser() as browser:
        browser.open(tmp_path / page)
        browser.drag_files("#drop", tmp_path / photo)
        browser.wait("document.querySelectorAll('article').length === 1")
        assert shown(browser) == pytest.approx(
            {name: float(odds) for name, odds in predicted.items()}, abs=0.02
        )
        assert browser.messages == []


def test_untested_blocks_are_listed() -> None:
    found = {page: [block.reason for block in blocks(page) if block.reason] for page in PAGES}
    assert {page: reasons for page, reasons in found.items() if reasons} == UNTESTED


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_known_with_their_options(page: str) -> None:
    group: Any = typer.main.get_command(app)
    for block in blocks(page):
        if block.language != "bash":
            continue
        for program, *arguments in commands(block.code):
            if program == "mgnas":
                command = group.commands[arguments[0]]
                context = command.make_context(arguments[0], arguments[1:], resilient_parsing=False)
                assert context.command is command


@pytest.mark.parametrize("page", PAGES)
def test_snippets_import_the_facade_only(page: str) -> None:
    for block in blocks(page):
        if block.language == "python":
            nodes = list(ast.walk(ast.parse(block.code)))
            names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
            names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
            assert not {name.partition(".")[0] for name in names} & PACKAGES


@pytest.mark.parametrize("page", PAGES)
def test_lines_and_fences_have_the_form_that_is_agreed(page: str) -> None:
    text = PAGES[page].read_text(encoding="utf-8")
    prose = [line for line in FENCE.sub("", text).splitlines() if not line.startswith("|")]
    assert [line for line in prose if len(line) > 120] == []
    fences = Counter(line.split(" ")[0] for line in text.splitlines() if line.startswith("```"))
    assert fences["```"] == sum(fences.values()) / 2, "each block opens with a language, and ends"


def test_readme_links_to_files_that_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", PAGES["README.md"].read_text(encoding="utf-8"))
    assert len(links) >= 5
    assert all((ROOT / link).exists() for link in links)


def test_readme_gives_ci_its_two_commands() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / ".ci" / "readme_commands.py"], capture_output=True, text=True, check=True
    )
    search, test = run.stdout.splitlines()
    assert search == "pip install -e . && mgnas search"
    assert test == "pip install -e '.[test]' && pytest"


def test_generated_pages_name_every_command_option_and_key() -> None:
    hooks = runpy.run_path(str(DOCS / "hooks.py"))
    group: Any = typer.main.get_command(app)
    text = hooks["command_line"]()
    for name, command in group.commands.items():
        assert f"## {name}\n" in text
        assert all(option in text for param in command.params for option in param.opts if option[0] == "-")
    assert all(f"| `{name}` |" in hooks["targets"]() for name in target_names())
    assert all(f"| `{key}` |" in hooks["target_file"]() for key in Target.model_fields)
    text = hooks["study_file"]()
    for section, value in StudyConfig():
        keys = type(value).model_fields if hasattr(type(value), "model_fields") else [section]
        assert all(f"| `{key}` |" in text for key in keys)
    assert hooks["on_page_markdown"]('```bash {no-test="x"}\nmgnas\n```') == "```bash\nmgnas\n```"


def test_api_page_names_the_whole_facade() -> None:
    page = PAGES["docs/reference/python-api.md"].read_text(encoding="utf-8")
    assert set(re.findall(r"^::: mgnas\.(\w+)$", page, re.MULTILINE)) == set(facade.__all__)


def test_study_file_of_the_examples_explains_every_section() -> None:
    tables = read_study_file(ROOT / "examples" / "my_study.toml")
    config = StudyConfig.parse(tables, "my_study.toml")
    assert config.search.trials == 16
    assert {"data", "space", "train", "search"} <= set(tables)
