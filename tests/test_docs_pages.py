"""The pages of explanations and experiments: links, index, form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(page for folder in ("explanation", "experiments") for page in (DOCS / folder).glob("*.md"))
EXPERIMENTS = [page for page in PAGES if page.parent.name == "experiments" and page.name != "index.md"]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
PATH = re.compile(r"`((?:[a-z_0-9]+/)+[A-Za-z_0-9]+\.(?:py|toml|json|jsonl))`")
FOLDERS = (ROOT, ROOT / "search", ROOT / "benchmarks")
"""Folders that paths in pages are relative to."""


def _name(page: Path) -> str:
    return page.stem


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_page_links_lead_to_files(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [target for target in targets if not (page.parent / target).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_page_names_files_that_exist(page: Path) -> None:
    paths = PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path in paths if not any((folder / path).is_file() for folder in FOLDERS)] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_page_lines_have_at_most_120_characters(page: Path) -> None:
    assert [line for line in page.read_text(encoding="utf-8").splitlines() if len(line) > 120] == []


@pytest.mark.parametrize("page", EXPERIMENTS, ids=_name)
def test_experiment_has_every_part(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    parts = [
        "**Question** (20",
        "**Answer.**",
        "**Setup.**",
        "\n| --- |",
        "**Conclusion.**",
        "**Consequence.**",
    ]
    assert [part for part in parts if part not in text] == []


def test_index_lists_every_experiment_once() -> None:
    links = LINK.findall((DOCS / "experiments" / "index.md").read_text(encoding="utf-8"))
    assert sorted(link for link in links if "/" not in link) == [page.name for page in EXPERIMENTS]
