"""README's lines, run in order as a reader would copy them, on a demonstration cut short."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.studies import mgnas

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTIONS = {title: body for title, _, body in (part.partition("\n") for part in README.split("\n## ")[1:])}


def blocks(language: str) -> list[str]:
    """The code blocks of all sections but the first, whose two commands CI runs word for word."""
    found = []
    for title, body in SECTIONS.items():
        if title != "Try it":
            found += re.findall(rf"```{language}\n(.+?)\n```", body, flags=re.DOTALL)
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader stands who has just run a (short) demonstration in a checkout."""
    home = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", home / "examples")
    arguments = ("--trials", "4", "--set", "train.epochs=1")
    run = mgnas("search", *arguments, cwd=home)
    assert run.returncode == 0, run.stderr
    return home


@pytest.mark.timeout(1200)
def test_all_lines_run(home: Path) -> None:
    bash = blocks("bash")
    assert len(bash) >= 7
    bin_folder = Path(sys.executable).parent
    assert (bin_folder / "mgnas").exists()
    for block in bash:
        for line in block.splitlines():
            run = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", f'PATH="{bin_folder}:$PATH"; {line}'],
                cwd=home, capture_output=True, text=True, timeout=200, check=False,
            )  # fmt: skip
            assert run.returncode == 0, f"{line}\n{run.stdout}\n{run.stderr}"
    for code in blocks("python"):
        run = subprocess.run(
            [sys.executable, "-P", "-c", code],
            cwd=home,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert run.returncode == 0, f"{code}\n{run.stderr}"
        assert run.stdout.strip()


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) >= 5
    assert all((ROOT / link).exists() for link in links)


def test_study_files_of_the_examples_explain_every_section() -> None:
    from search.study.config import StudyConfig, read_study_file

    tables = read_study_file(ROOT / "examples" / "my_study.toml")
    config = StudyConfig.parse(tables, "my_study.toml")
    assert config.search.trials == 16
    assert {"data", "space", "train", "search"} <= set(tables)
