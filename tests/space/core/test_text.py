"""Counts, durations and figures as text."""

from __future__ import annotations

import pytest

from space.core.text import duration, figure, plural, short_count


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [(1, ("trial",), "1 trial"), (0, ("trial",), "0 trials"), (1234, ("class", "classes"), "1,234 classes")],
)
def test_plural_has_the_count_and_its_noun(count: int, words: tuple[str, ...], text: str) -> None:
    assert plural(count, *words) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (99.94, "99.9"), (99.96, "100"), (1030.2, "1,030")]
)
def test_figure_has_three_digits_or_no_decimals(value: float, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (987, "987"),
        (999.9, "1k"),
        (1000, "1k"),
        (12345, "12.3k"),
        (999_900, "1M"),
        (4.56e6, "4.56M"),
    ],
)
def test_short_count_has_three_digits_and_a_unit(count: float, text: str) -> None:
    assert short_count(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "?"),
        (0.4, "0 s"),
        (45, "45 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_duration_has_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
