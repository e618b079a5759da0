"""Counts, durations and figures as text for people."""

from __future__ import annotations


def plural(count: int, word: str, words: str | None = None) -> str:
    """Return a count with its noun in singular or plural."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def duration(seconds: float | None) -> str:
    """Return a duration as ``45 s``, ``3 min 20 s`` or ``2 h 05 min``; ``?`` if it is unknown."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def figure(value: float) -> str:
    """Return a number with three significant digits, or without decimals if it is large."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def short_count(count: float) -> str:
    """Return a count with three significant digits and a unit, such as 987, 12.3k or 4.56M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size * 0.9995:
            figures = f"{count / size:.3g}"
            return f"{count / size:.0f}{unit}" if "e" in figures else f"{figures}{unit}"
    return f"{count:.0f}"
