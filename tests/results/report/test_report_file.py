"""The file of a report: written whole, and never in the place of something else."""

from __future__ import annotations

import pytest

from results.report.page import GENERATOR, GENERATOR_WITHIN, render_report, write_report
from space.core.errors import InvalidInputError
from tests.support.synthetic import searched, study


def test_the_report_is_written_whole_and_its_path_returned(tmp_path):
    made = study(searched(8))
    path = write_report(made, tmp_path / "new" / "report.html")
    assert path == tmp_path / "new" / "report.html"
    assert path.read_text(encoding="utf-8") == render_report(made)
    assert list(path.parent.iterdir()) == [path]


def test_a_report_says_early_that_it_is_one():
    made = study(searched(8), folder="x" * 5000)
    assert GENERATOR in render_report(made)[:GENERATOR_WITHIN]


def test_only_reports_are_replaced(tmp_path):
    made = study(searched(8), folder=tmp_path / "study")
    mine = tmp_path / "mine.html"
    made.report(mine)
    before = mine.read_text(encoding="utf-8")
    made.records.pop()
    assert made.report(mine) == mine
    assert mine.read_text(encoding="utf-8") != before
    mine.write_text("<html>my page</html>")
    with pytest.raises(
        InvalidInputError, match=r"mine\.html is not a report of mgnas, so it is not replaced"
    ):
        made.report(mine)
    assert mine.read_text() == "<html>my page</html>"
    with pytest.raises(InvalidInputError, match="is a folder; name a file for the report"):
        made.report(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]


def test_the_studys_own_report_is_always_replaced(tmp_path):
    made = study(searched(8), folder=tmp_path)
    own = tmp_path / "report.html"
    for path in (None, tmp_path / "." / "report.html"):
        own.write_text("torn")
        assert made.report(path) == own
        assert own.read_text(encoding="utf-8") == render_report(made)
