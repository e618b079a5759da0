"""The picture of the effects of one hyperparameter."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from results.effects import HyperparameterEffect, ValueEffect
from results.plots.effect_svg import WIDTH, effect_svg, fitted

SVG = "{http://www.w3.org/2000/svg}"


def picture(effects: list[float], *, p_value: float = 0.01, label: str = "level", name: str = "share_b"):
    values = tuple(
        ValueEffect(label, 20, effect, 0.002, effect - 0.004, effect + 0.004) for effect in effects
    )
    return ElementTree.fromstring(
        effect_svg(HyperparameterEffect(name, 40, values, 0.4, p_value), reach=0.02)
    )


def circles(effects: list[float], **fields) -> list[tuple[float, str]]:
    found = picture(effects, **fields).findall(f"{SVG}circle")
    return [(float(one.attrib["cx"]), one.attrib["style"]) for one in found]


def test_effects_stand_at_their_place_on_the_axis():
    places = [place for place, _ in circles([-0.02, -0.01, 0.0, 0.01, 0.02])]
    steps = [after - before for before, after in pairwise(places)]
    assert steps == pytest.approx([steps[0]] * 4, abs=0.2)
    assert 0 < places[0] < places[-1] < WIDTH


def test_effects_beyond_the_axis_stand_at_its_end():
    assert circles([0.02]) == circles([0.5])


def test_only_clear_effects_without_zero_in_the_interval_are_coloured():
    assert [style for _, style in circles([0.01, -0.01, 0.001])] == [
        "fill:var(--better)",
        "fill:var(--worse)",
        "fill:var(--dim)",
    ]
    assert {style for _, style in circles([0.01, -0.01], p_value=0.3)} == {"fill:var(--dim)"}


def test_the_text_alternative_has_every_value():
    assert picture([0.01, -0.0051]).attrib["aria-label"] == (
        "Effects of share_b. level: +1.00 points, 95 % interval +0.60 to +1.40, n = 20; "
        "level: −0.51 points, 95 % interval −0.91 to −0.11, n = 20."
    )


def test_names_are_escaped():
    found = picture([0.01], label="<b>&", name='"k"')
    assert "<b>&" in [text.text for text in found.iter(f"{SVG}text")]
    assert found.attrib["aria-label"].startswith('Effects of "k". <b>&: ')


def test_a_long_label_is_small_and_a_very_long_one_is_cut():
    assert fitted("level", 190) == (13.0, "level")
    size, text = fitted("x" * 30, 190)
    assert (9 < size < 13, text) == (True, "x" * 30)
    size, text = fitted("x" * 300, 190)
    assert (size, text[-2:]) == (9.0, "x…")
    assert len(text) < 40
