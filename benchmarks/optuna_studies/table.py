"""Tables of recorded runs: quartiles over the seeds, and a test against random search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

from benchmarks.optuna_studies.samplers import NAMES

EVERY = 5
"""Trials between two values of a recorded hypervolume."""


def shortened(runs: Sequence[dict[str, Any]], trials: int | None = None) -> list[dict[str, Any]]:
    """Return runs as they were after so many trials, without those that ended earlier.

    None means the length of the longest run of each problem.
    """
    longest: dict[str, int] = {}
    for run in runs:
        longest[run["problem"]] = max(longest.get(run["problem"], 0), EVERY * len(run["hypervolume"]))
    found = []
    for run in runs:
        end = min(trials or longest[run["problem"]], longest[run["problem"]])
        if EVERY * len(run["hypervolume"]) >= end:
            reached = run["reached"] if (run["reached"] or end + 1) <= end else None
            found.append({**run, "hypervolume": run["hypervolume"][: end // EVERY], "reached": reached})
    return found


def print_tables(runs: Sequence[dict[str, Any]]) -> None:
    """Print a table in Markdown for each problem. Names that are no sampler of today, as of a commit, come last."""
    for problem in dict.fromkeys(run["problem"] for run in runs):
        here = [run for run in runs if run["problem"] == problem]
        print(f"\n**{problem}**\n")
        print("| sampler | hypervolume at a third | at the end | trials to 95 % | against random | ms | n |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        by_seed = {run["seed"]: run["hypervolume"][-1] for run in here if run["sampler"] == "random"}
        for name in dict.fromkeys([*NAMES, *(run["sampler"] for run in here)]):
            found = [run for run in here if run["sampler"] == name]
            if found:
                print(f"| {name} | {' | '.join(_row(found, by_seed))} |")


def _row(runs: Sequence[dict[str, Any]], by_seed: dict[int, float]) -> list[str]:
    top = runs[0]["best"]
    scale = 1.0 if top is None else top
    thirds = [run["hypervolume"][len(run["hypervolume"]) // 3] / scale for run in runs]
    ends = [run["hypervolume"][-1] / scale for run in runs]
    trials = EVERY * len(runs[0]["hypervolume"])
    reached = [run["reached"] or trials + 1 for run in runs]
    times = [run["decision_ms"] for run in runs]
    return [
        quartiles(thirds, 4),
        quartiles(ends, 4),
        "" if top is None else reached_quartiles(reached, trials),
        signed_rank({run["seed"]: run["hypervolume"][-1] for run in runs}, by_seed),
        f"{sorted(times)[len(times) // 2]:.0f}",
        str(len(runs)),
    ]


def _three(values: Sequence[float]) -> list[float]:
    return quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3


def quartiles(values: Sequence[float], digits: int) -> str:
    """Return the median, and the quartiles in brackets."""
    low, middle, high = _three(values)
    return f"{middle:.{digits}g} ({low:.{digits}g}, {high:.{digits}g})"


def reached_quartiles(values: Sequence[float], trials: int) -> str:
    """Return the quartiles of when a goal was reached; a value above ``trials`` means that it was not."""
    low, middle, high = (f"{value:.0f}" if value <= trials else f"> {trials}" for value in _three(values))
    return f"{middle} ({low}, {high})"


def signed_rank(ours: Mapping[int, float], theirs: Mapping[int, float]) -> str:
    """Return Wilcoxon's signed-rank test of values by seed: wins and p; nothing of fewer than six pairs."""
    from scipy.stats import wilcoxon

    differences = [value - theirs[seed] for seed, value in ours.items() if seed in theirs]
    if len(differences) < 6 or not any(differences):
        return ""
    wins = sum(difference > 0 for difference in differences)
    return f"{wins} of {len(differences)}, p = {wilcoxon(differences).pvalue:.2g}"
