from __future__ import annotations

import re
import sys
from pathlib import Path

import plotly.graph_objects as go
import pytest

import results.report
from results.plots.figure_files import study_figures
from results.plots.palette import LIGHT
from space.core.errors import InvalidInputError, MgnasError
from tests.support.synthetic import searched, study


def test_colours_of_figures_are_those_of_the_light_page():
    page = (Path(results.report.__file__).parent / "page.css").read_text()
    colours = dict(re.findall(r"(--[\w-]+): ([^;]+);", page.partition("}")[0]))
    assert {name: colours[name] for name in LIGHT} == LIGHT


def test_every_colour_that_a_chart_names_is_in_the_palette():
    package = Path(results.report.__file__).parents[1]
    sources = [*(package / "plots").glob("*.py"), *(package / "report").glob("*.py")]
    named = {
        name for path in sources for name in re.findall(r"[\"']var\((--[\w-]+\w)\)[\"']", path.read_text())
    }
    assert len(named) > 8
    assert named <= LIGHT.keys()


@pytest.mark.parametrize("name", ["front", "hypervolume", "curves", "effects", "parallel"])
def test_each_plot_of_a_study_is_a_plotly_figure_without_css_variables(name):
    figure = getattr(study(searched(30)).plots, name)()
    assert isinstance(figure, go.Figure)
    assert figure.data
    assert "var(" not in figure.to_json()
    assert figure.layout.title.text.startswith("digits: ")


def test_plot_of_an_unknown_cost_names_the_nearest():
    with pytest.raises(InvalidInputError, match=r"cost must be one of .*'parms'; did you mean 'params'\?"):
        study(searched(8)).plots.front("parms")


def test_plots_of_an_empty_study_give_the_reason():
    made = study([])
    for name in ("front", "hypervolume", "curves", "rungs", "effects", "parallel"):
        with pytest.raises(InvalidInputError, match=r"^\S*digits"):
            getattr(made.plots, name)()
    with pytest.raises(InvalidInputError, match="no figure yet"):
        made.figures("figures", ["html"])


def test_html_figures_are_written_without_kaleido_and_missing_ones_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    made = study(searched(30))
    lines: list[str] = []
    paths = made.figures(tmp_path / "new", ["html"], tell=lines.append)
    figures, missing = study_figures(made)
    assert [path.name for path in paths] == [f"{name}.html" for name in figures]
    assert all("Plotly" in path.read_text(encoding="utf-8") for path in paths)
    assert "hypervolume-energy" in missing
    assert lines == [f"no figure {name}: {reason}" for name, reason in missing.items()]


def test_svg_figures_without_kaleido_fail_with_one_line_and_write_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(MgnasError, match=r"need the package kaleido: pip install 'mgnas\[images\]'") as error:
        study(searched(8)).figures(tmp_path / "new", ["svg"])
    assert "\n" not in str(error.value)
    assert not (tmp_path / "new").exists()


def test_figures_of_an_unknown_format_are_refused(tmp_path):
    with pytest.raises(
        InvalidInputError, match="a format must be one of svg, png, pdf, html, but got 'svgg'"
    ):
        study(searched(8)).figures(tmp_path, ["svgg"])
