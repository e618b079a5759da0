from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from results.plots.curve_svg import curve_svg
from results.plots.svg import BOTTOM, HEIGHT

XML = "{http://www.w3.org/2000/svg}"


def heights(picture: str) -> list[float]:
    """Return the y of every epoch of the thick line, which is clipped at the edge of the plot area."""
    root = ElementTree.fromstring(picture)
    assert root.find(f"{XML}clipPath[@id='plot']/{XML}rect") is not None
    line = next(line for line in root.iter(f"{XML}polyline") if line.get("class") == "line")
    assert line.get("clip-path") == "url(#plot)"
    return [float(y) for _, y in (point.split(",") for point in str(line.get("points")).split())]


def test_what_lies_below_the_picture_is_not_on_its_edge() -> None:
    found = heights(curve_svg("net", "one seed", [[0.10, 0.35, *[0.90, 0.92, 0.94] * 8]]))
    assert found[0] > found[1] > HEIGHT - BOTTOM + 50
    assert max(found[2:]) <= HEIGHT - BOTTOM


@pytest.mark.parametrize("text", ["a\ufffeb", "a\x07b", "a\udcffb", "a<b&c"])
def test_any_title_makes_a_picture(text: str) -> None:
    picture = curve_svg(text, text, [[0.5], [0.6]])
    ElementTree.fromstring(picture)
    assert re.search(r"mean of 2 seeds: 55\.00 %", picture)
