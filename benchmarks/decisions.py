"""Hashes of the decisions of simulated searches: a refactoring must not change them.

``python -m benchmarks.decisions`` prints one line for each sampler, scheduler and number of workers. Run it
before and after a change, on the same machine. Other processors and libraries round differently.
"""

from __future__ import annotations

import argparse
import hashlib

from search.simulator.simulation import Simulation, simulate
from search.simulator.tabular_benchmark import SHIPPED, TabularBenchmark

CASES = [
    ("frontier", "fifo"),
    ("frontier", "asha"),
    ("frontier", "freeze_thaw"),
    ("tpe", "fifo"),
    ("tpe", "asha"),
    ("nsga2", "fifo"),
    ("random", "asha"),
]


def decisions_hash(found: Simulation) -> str:
    """Return a hash of the trained networks: their order, training lengths and final states."""
    lines = [
        f"{record.number} {record.arch} {record.state} {record.val_accuracy} {record.finished_s}"
        for record in found.records
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def main() -> None:
    """Print the hashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", default="digits8")
    parser.add_argument("--trials", type=int, default=30)
    options = parser.parse_args()
    table = TabularBenchmark.read(SHIPPED[options.table])
    for sampler, scheduler in CASES:
        for workers in (1, 3):
            found = simulate(table, sampler, scheduler, num_workers=workers, seed=7, trials=options.trials)
            print(
                f"{sampler:<10}{scheduler:<12}{workers} {len(found.records):>3} {decisions_hash(found)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
