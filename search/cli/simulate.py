"""``mgnas simulate``: compare samplers and schedulers on recorded trainings."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any, get_args

from results.plots.quantile_bands_svg import quantile_bands_svg
from results.tables import print_json, print_table
from search.samplers.optuna import SamplerName
from search.schedulers.base import SchedulerName
from search.simulator.comparison import FRACTIONS, Method, Outcome, compare, default_limit_s
from search.simulator.tabular_benchmark import TabularBenchmark
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError, nearest
from space.core.text import figure, plural

MINUTES_FROM_S = 600
"""Comparisons of at least this many simulated seconds are printed in minutes."""


def simulate_table(
    table: str,
    methods: list[str],
    num_workers: int,
    num_seeds: int,
    hours: float | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Simulation searches over a table, and print how long each takes to shares of the best hypervolume.

    Raises:
        InvalidInputError: the table cannot be read, or a method is not SAMPLER or SAMPLER:SCHEDULER.
    """
    _check_counts(num_workers, num_seeds, hours)
    chosen = _different_methods(methods)
    benchmark = TabularBenchmark.read(table)
    limit_s = hours * 3600 if hours else default_limit_s(benchmark, num_workers)
    outcomes = compare(
        benchmark,
        chosen,
        num_seeds=num_seeds,
        num_workers=num_workers,
        limit_s=limit_s,
        on_simulation=lambda method, seed: _rewrite_line(f"{method.name}, seed {seed}"),
    )
    _rewrite_line("")
    unit, unit_s = ("minutes", 60.0) if limit_s >= MINUTES_FROM_S else ("seconds", 1.0)
    workers, seeds = plural(num_workers, "worker"), plural(num_seeds, "seed")
    if picture is not None:
        subtitle = f"fraction of the best hypervolume, median and quartiles of {seeds}"
        bands = {
            outcome.method.name: [(point[0] / unit_s, *point[1:]) for point in outcome.curve]
            for outcome in outcomes
        }
        write_atomic(picture, quantile_bands_svg(f"{benchmark.name}, {workers}", subtitle, bands, unit))
    if as_json:
        print_json(as_document(benchmark.name, num_workers, limit_s, outcomes))
        return
    sys.stdout.write(
        f"{benchmark.name}: {plural(len(benchmark.outcomes()), 'network')}, "
        f"{figure(limit_s / unit_s)} simulated {unit}, {workers}, {seeds}; "
        f"median {unit} to fractions of the best hypervolume\n\n"
    )
    print_outcomes(outcomes, unit_s)


def _check_counts(num_workers: int, num_seeds: int, hours: float | None) -> None:
    for name, number in (("--workers", num_workers), ("--seeds", num_seeds)):
        if number < 1:
            raise InvalidInputError(f"{name} must be at least 1, but got {number}")
    if hours is not None and not 0 < hours < math.inf:
        raise InvalidInputError(f"--hours must be a number above 0, but got {hours}")


def _different_methods(texts: list[str]) -> list[Method]:
    chosen = [parse_method(text) for text in texts]
    for place, method in enumerate(chosen):
        if method in chosen[:place]:
            raise InvalidInputError(f"each method is compared once, but got {texts[place]!r} again")
    return chosen


def _rewrite_line(text: str) -> None:
    """Replace the line of progress on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")


def parse_method(text: str) -> Method:
    """Return the method named by a text such as ``tpe`` or ``frontier:freeze_thaw``.

    Raises:
        InvalidInputError: The sampler or the scheduler is unknown, or the scheduler needs another sampler.
    """
    sampler, colon, scheduler = text.partition(":")
    for name, known in ((sampler, get_args(SamplerName)), (scheduler, get_args(SchedulerName))):
        if name not in known and (name or name == sampler or colon):
            raise InvalidInputError(
                f"a method is SAMPLER or SAMPLER:SCHEDULER, of {', '.join(known)}, but got "
                f"{name!r} in {text!r}{nearest(name, known)}"
            )
    if scheduler == "freeze_thaw" and sampler != "frontier":
        raise InvalidInputError(f"freeze_thaw requires the sampler frontier, but got {text!r}")
    return Method(sampler, scheduler or "fifo")


def as_document(name: str, num_workers: int, limit_s: float, outcomes: list[Outcome]) -> dict[str, Any]:
    """Return a comparison as plain data."""
    return {
        "problem": name,
        "workers": num_workers,
        "limit_s": limit_s,
        "searches": [outcome.as_dict() for outcome in outcomes],
    }


def print_outcomes(outcomes: list[Outcome], unit_s: float) -> None:
    """Print one line for each method, with times in units of ``unit_s`` seconds."""
    rows = []
    for outcome in outcomes:
        times = [outcome.median_time_s(fraction) for fraction in FRACTIONS]
        rows.append(
            (
                outcome.method.sampler,
                outcome.method.scheduler,
                *("never" if time is None else figure(time / unit_s) for time in times),
                f"{100 * outcome.curve[-1][2]:.2f} %",
                f"{outcome.as_dict()['trials']:g}",
                f"{outcome.as_dict()['complete']:g}",
            )
        )
    header = (
        "sampler",
        "scheduler",
        *(f"{100 * fraction:.0f} %" for fraction in FRACTIONS),
        "at end",
        "trials",
        "complete",
    )
    print_table(header, rows, sys.stdout, text_columns=(0, 1))
