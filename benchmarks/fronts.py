"""What the benchmarks share that measure the networks on the fronts of studies: their options and their output."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine

Row = dict[str, Any]


def measure_fronts(
    description: str | None,
    flag: str,
    measured: Callable[[Path, bool], Iterator[Row]],
    points: Callable[[Row], Mapping[str, float]],
) -> None:
    """Measure the fronts of the studies on the command line; print a row for each network, and a summary.

    Args:
        description: The text of ``--help``.
        flag: The option of this benchmark, such as ``--time``.
        measured: Yields the figures of each network on the front of a study; it takes the folder, and whether the flag
            is set.
        points: Returns what a network's int8 code gains, in points of accuracy, by the name of the images.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("studies", nargs="+", type=Path)
    parser.add_argument(flag, dest="flag", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for folder in options.studies:
        for row in measured(folder, options.flag):
            rows.append({"study": folder.name} | row)
            if not options.json:
                print(json.dumps(rows[-1]), flush=True)
    gained = [points(row) for row in rows]
    summary = {name: _summary([one[name] for one in gained]) for name in (gained[0] if gained else ())}
    document = {"machine": describe_machine(), "networks": rows, "points": summary}
    print(json.dumps(document, indent=2) if options.json else json.dumps(summary))


def _summary(values: list[float]) -> dict[str, float]:
    return {
        "n": len(values),
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
    }
