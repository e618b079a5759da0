"""The result of a soak: kills, peaks, growth, and what is wrong."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import Any

PEAKS = (
    *("processes", "driver_mib", "worker_mib", "driver_files", "worker_files"),
    *("study_mib", "database_mib", "checkpoints", "unneeded", "temporary"),
)
LEAST_SAMPLES = 8


def summarise(lines: list[dict[str, Any]], wrong: list[str], states: Counter[str]) -> dict[str, Any]:
    """Return the summary of a soak's log.

    Args:
        lines: The log.
        wrong: What is wrong in the books of the study.
        states: The number of trials by state.
    """
    samples = [line for line in lines if line["kind"] == "sample"]
    kills = [line for line in lines if line["kind"] == "kill"]
    ends = [line for line in lines if line["kind"] == "end"]
    return {
        "trials": sum(states.values()),
        "states": dict(states),
        "hours": round(sum(end["seconds"] for end in ends) / 3600, 3),
        "runs": len(ends),
        "exit_codes": dict(Counter(str(end["code"]) for end in ends)),
        "kills": len(kills),
        "kills_of": dict(Counter(kill["victims"] for kill in kills)),
        "kills_by": dict(Counter(kill["signal"] for kill in kills)),
        "samples": len(samples),
        "peaks": {name: max((one[name] for one in samples), default=None) for name in PEAKS},
        "quarters": _quarters(samples),
        "problems": [line["text"] for line in lines if line["kind"] == "problem"] + wrong,
    }


def _quarters(samples: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the medians of the four quarters of the samples; those without a worker do not count for workers."""
    found = {}
    for name in PEAKS:
        values = [one[name] for one in samples if one[name] or not name.startswith(("driver", "worker"))]
        if len(values) >= LEAST_SAMPLES:
            step = len(values) / 4
            parts = [values[round(i * step) : round((i + 1) * step)] for i in range(4)]
            found[name] = [round(statistics.median(part), 1) for part in parts]
    return found


def table(summary: dict[str, Any]) -> str:
    """Return the summary as text."""
    head = (
        f"{summary['trials']} trials {summary['states']} in {summary['hours']:.2f} h, {summary['runs']} runs\n"
        f"{summary['kills']} kills: {summary['kills_of']}, {summary['kills_by']}\n"
    )
    rows = [f"{'':<14} {'peak':>9}   medians of the quarters"]
    for name, peak in summary["peaks"].items():
        quarters = " ".join(f"{value:>9,.1f}" for value in summary["quarters"].get(name, []))
        rows.append(f"{name:<14} {peak if peak is not None else '-':>9}   {quarters}")
    problems = [f"wrong: {text}" for text in summary["problems"]] or ["the books balance"]
    return head + "\n".join([*rows, *problems])
