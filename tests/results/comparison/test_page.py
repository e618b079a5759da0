"""The page of a comparison is one file with its charts, and replaces no other file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from results.comparison.compare import Comparison, compare
from results.comparison.page import render_page
from space.core.errors import InvalidInputError
from tests.support.compared_studies import write_study


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    home = tmp_path_factory.mktemp("runs")
    made = [write_study(home / f"<{seed}>", [(1000 * seed, 0.5)], seed=seed) for seed in (1, 2)]
    return compare(made)


def test_page_holds_everything_and_loads_nothing(comparison: Comparison) -> None:
    page = render_page(comparison)
    body = (
        page.replace(re.search(r"<script>/\*.*?</script>", page, re.DOTALL)[0], "")
        if "<script>/*" in page
        else page
    )
    assert not re.search(r'(src|href)="', body.split("<script")[0])
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert list(figures) == ["hypervolume-epochs", "hypervolume-time", "attainment-params"]
    for name in figures:
        assert f'id="chart-{name}"' in page
    assert "&lt;1&gt;" in page
    assert "<1>" not in page.split("<script")[0]


def test_page_replaces_its_own_file_only(comparison: Comparison, tmp_path: Path) -> None:
    file = comparison.write_html(tmp_path / "new" / "compare.html")
    assert comparison.write_html(file) == file
    mine = tmp_path / "mine.html"
    mine.write_text("mine", encoding="utf-8")
    for path, says in ((mine, "is not a comparison of mgnas"), (tmp_path, "is a folder; name a file")):
        with pytest.raises(InvalidInputError, match=says):
            comparison.write_html(path)
    assert mine.read_text(encoding="utf-8") == "mine"
