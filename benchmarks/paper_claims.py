"""The two claims of the papers: sharing A costs no accuracy, and MgNet is better than ResNet at equal parameters.

    python -m benchmarks.paper_claims train --data npz:FILE.npz --preset PRESET --seeds 5 --output STUDY
    python -m benchmarks.paper_claims table STUDY

The first command trains the networks of all pairs by one recipe, with the options of ``mgnas train``; it continues
after a stop. The second prints a table and the differences of each pair in Markdown. Only validation images are used.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mgnas

NETWORKS = {
    "A^l, B^l": "MgNet[2,2,2]-[8,16,24]-B^l",
    "A^{l,i}, B^l": "MgNet[2,2,2]-[8,16,24]-A^{l,i}-B^l",
    "A^l, B^{l,i}": "MgNet[2,2,2]-[8,16,24]-B^{l,i}",
    "A^{l,i}, B^{l,i}": "MgNet[2,2,2]-[8,16,24]-A^{l,i}-B^{l,i}",
    "ResNet": "ResNet[2,2,2]-[8,16,24]",
    "MgNet of its parameters": "MgNet[2,2,2]-[9,17,26]-B^l",
    "MgNet of its parameters, one iteration": "MgNet[1,1,1]-[8,18,26]-B^l",
}


class Pair(NamedTuple):
    """The claim that the first network is as good as the second, or better."""

    claim: str
    first: str
    second: str


PAIRS = (
    Pair("shared A, shared B", "A^l, B^l", "A^{l,i}, B^l"),
    Pair("shared A, own B", "A^l, B^{l,i}", "A^{l,i}, B^{l,i}"),
    Pair("shared B, own A", "A^{l,i}, B^l", "A^{l,i}, B^{l,i}"),
    Pair("own B or own A", "A^l, B^{l,i}", "A^{l,i}, B^l"),
    Pair("MgNet or ResNet, equal parameters", "MgNet of its parameters", "ResNet"),
    Pair("MgNet or ResNet, nearly equal MACs", "MgNet of its parameters, one iteration", "ResNet"),
)


class Trainings(NamedTuple):
    """The trainings of one network: its costs, and the validation accuracy of each seed in percent."""

    params: int
    macs: int
    accuracies: dict[int, float]


def difference(first: Sequence[float], second: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of paired differences with the ends of its 95 % interval, by Student's t distribution."""
    from scipy.stats import t

    differences = [a - b for a, b in zip(first, second, strict=True)]
    mean, count = statistics.mean(differences), len(differences)
    if count < 2:
        return mean, -math.inf, math.inf
    reach = float(t.ppf(0.975, count - 1)) * statistics.stdev(differences) / math.sqrt(count)
    return mean, mean - reach, mean + reach


def read_trainings(folder: Path) -> dict[str, Trainings]:
    """Return the complete trainings of a study by canonical notation."""
    found: dict[str, Trainings] = {}
    for record in mgnas.open_study(folder).records:
        if record.state == "complete" and record.val_accuracy is not None:
            one = found.setdefault(record.notation, Trainings(record.params, record.macs, {}))
            one.accuracies[record.seed] = 100 * record.val_accuracy
    return found


def tables(trainings: dict[str, Trainings]) -> str:
    """Return the networks and the differences of the pairs as tables in Markdown."""
    lines = ["| network | | parameters | MACs | n | validation, % |", "| --- | --- | --- | --- | --- | --- |"]
    for name, notation in NETWORKS.items():
        if one := trainings.get(notation):
            values = list(one.accuracies.values())
            spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
            lines.append(
                f"| {name} | `{notation}` | {one.params:,} | {one.macs:,} | {len(values)} | "
                f"{statistics.mean(values):.2f}{spread} |"
            )
    lines += ["", "| pair | difference, points | 95 % interval | n |", "| --- | --- | --- | --- |"]
    for pair in PAIRS:
        both = [trainings.get(NETWORKS[name]) for name in (pair.first, pair.second)]
        seeds = sorted(set.intersection(*(set(one.accuracies) if one else set() for one in both)))
        if seeds:
            values = [[one.accuracies[seed] for seed in seeds] for one in both if one]
            mean, low, high = difference(*values)
            lines.append(
                f"| {pair.claim}: {pair.first} minus {pair.second} | {mean:+.2f} | {low:+.2f} to {high:+.2f} | "
                f"{len(seeds)} |"
            )
    return "\n".join(lines)


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train the networks", prefix_chars="+")
    train.add_argument("options", nargs="*", help="options of mgnas train")
    train.set_defaults(run=lambda asked: train_networks(asked.options))
    table = commands.add_parser("table", help="print the tables")
    table.add_argument("study", type=Path, help="the folder of the trainings")
    table.set_defaults(run=lambda asked: print(tables(read_trainings(asked.study))))
    arguments = parser.parse_args(options)
    arguments.run(arguments)


def train_networks(options: Sequence[str]) -> None:
    """Train the networks of all pairs and end with the exit code of ``mgnas train``."""
    code = "from search.cli.main import main; main()"
    words = [sys.executable, "-P", "-c", code, "train", *dict.fromkeys(NETWORKS.values()), *options]
    raise SystemExit(subprocess.run(words, check=False).returncode)


if __name__ == "__main__":
    main()
