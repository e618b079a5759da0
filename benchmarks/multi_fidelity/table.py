"""Tables of searches with a fidelity: quartiles over the seeds, and a test against random search."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.multi_fidelity.methods import METHODS
from benchmarks.optuna_studies.table import quartiles, reached_quartiles, signed_rank

REACHED = 0.95
EARLY = 30
"""Cost at which the hypervolume is compared, in whole evaluations; slow searches end there."""


def print_tables(runs: Sequence[dict[str, Any]]) -> None:
    """Print a table in Markdown for each problem."""
    for problem in dict.fromkeys(run["problem"] for run in runs):
        here = [run for run in runs if run["problem"] == problem]
        print(f"\n**{problem}**\n")
        print(f"| method | cost to 95 % | hypervolume at {EARLY} | against random | at the end | n |")
        print("| --- | --- | --- | --- | --- | --- |")
        chance = {run["seed"]: run["hypervolume"][EARLY - 1] for run in here if run["method"] == "random"}
        for method in METHODS:
            found = [run for run in here if run["method"] == method]
            if found:
                print(f"| {method} | {' | '.join(_row(found, chance))} |")


def _row(runs: Sequence[dict[str, Any]], chance: dict[int, float]) -> list[str]:
    budget = min(len(run["hypervolume"]) for run in runs)
    early = {run["seed"]: run["hypervolume"][EARLY - 1] for run in runs}
    return [
        reached_quartiles([min(cost_to_goal(run["hypervolume"]), budget + 1) for run in runs], budget),
        quartiles(list(early.values()), 3),
        signed_rank(early, chance),
        f"{median(run['hypervolume'][budget - 1] for run in runs):.3g} at {budget}",
        str(len(runs)),
    ]


def cost_to_goal(curve: Sequence[float]) -> int:
    """Return the whole evaluations until the hypervolume has 95 % of the best; one more than all if it never has."""
    return next((cost for cost, share in enumerate(curve, 1) if share >= REACHED), len(curve) + 1)
