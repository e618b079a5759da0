"""Tables for a terminal, the front as CSV, and JSON documents."""

from __future__ import annotations

import csv
import io
import json
import operator
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from results.front import accuracy
from results.storage.objectives import PARAMS, Objectives
from results.storage.records import TrialRecord, point_columns
from space.networks.counts import LayerCount


def print_references(
    references: Sequence[TrialRecord],
    stream: TextIO,
    objectives: Objectives = PARAMS,
    *,
    is_int8: bool = False,
) -> None:
    """Print the reference networks of a study by ascending number of parameters."""
    accuracies, cells = accuracy_columns(references, is_int8=is_int8)
    rows = [
        (
            str(trial.number),
            str(trial.reference),
            *_costs(trial, objectives),
            *cells(trial),
            trial.notation,
        )
        for trial in sorted(references, key=lambda trial: trial.params)
    ]
    header = ("trial", "reference", *_headings(objectives), *accuracies, "network")
    print_table(header, rows, stream, text_columns=(1, len(header) - 1), optional=("network", "MACs"))


def print_front(
    front: Sequence[TrialRecord],
    stream: TextIO,
    objectives: Objectives = PARAMS,
    equal_to: Mapping[int, Sequence[int]] | None = None,
    *,
    is_int8: bool = False,
) -> None:
    """Print a front as a table.

    Args:
        front: The networks in order.
        stream: The stream to write to.
        objectives: The objectives of the study: the columns besides parameters and MACs.
        equal_to: For each trial, the trials of equal accuracy; None for no such column.
        is_int8: Whether the study maximises int8 accuracy.
    """
    accuracies, cells = accuracy_columns(front, is_int8=is_int8)
    equal = {number: few_numbers(others) for number, others in (equal_to or {}).items() if others}
    is_searched = any(trial.searched_training for trial in front)
    rows = [
        (
            str(trial.number),
            trial.notation,
            *_costs(trial, objectives),
            *cells(trial),
            *([equal.get(trial.number, "")] if equal else []),
            trial.arch,
            *([trial.training_text] if is_searched else []),
        )
        for trial in front
    ]
    names = ["equal to"] * bool(equal) + ["arch"] + ["training"] * is_searched
    header = ("trial", "network", *_headings(objectives), *accuracies, *names)
    text_columns = (1, *range(len(header) - len(names), len(header)))
    macs = () if "macs" in objectives.names else ("MACs",)
    optional = ("arch", *macs, "training", *accuracies[1:], "network", *reversed(_headings(objectives)[1:]))
    print_table(header, rows, stream, text_columns, optional)


def accuracy_columns(
    trials: Sequence[TrialRecord], *, is_int8: bool = False
) -> tuple[list[str], Callable[[TrialRecord], list[str]]]:
    """Return the names of the columns of accuracies, and what gives the cells of a trial.

    The first column is the accuracy that the study maximises. The other one of float and int8 accuracy follows if
    it is known for a trial.

    Args:
        trials: The complete trials of a table.
        is_int8: Whether the study maximises int8 accuracy.
    """
    first, second = ("int8 accuracy", "float accuracy") if is_int8 else ("val. accuracy", "int8 accuracy")
    other = operator.attrgetter("float_accuracy" if is_int8 else "int8_accuracy")
    if all(other(trial) is None for trial in trials):
        return [first], lambda trial: [f"{100 * accuracy(trial):.2f} %"]

    def cells(trial: TrialRecord) -> list[str]:
        value = other(trial)
        return [f"{100 * accuracy(trial):.2f} %", "–" if value is None else f"{100 * value:.2f} %"]

    return [first, second], cells


def few_numbers(numbers: Sequence[int], most: int = 3) -> str:
    """Return trial numbers separated by commas; of many, the first ``most`` and the number of the others."""
    more = [f"+{len(numbers) - most}"] if len(numbers) > most else []
    return ", ".join([*map(str, numbers[:most]), *more])


def _headings(objectives: Objectives) -> list[str]:
    return [cost.heading for cost in objectives.shown]


def _costs(trial: TrialRecord, objectives: Objectives) -> list[str]:
    return [cost.text(cost.of(trial)) for cost in objectives.shown]


def print_layers(layers: Sequence[LayerCount], stream: TextIO) -> None:
    """Print the layers of a network with their counts.

    The column ``weights`` is the number of separate weight tensors, ``uses`` the number of their applications.
    """
    rows = [
        (
            layer.name,
            layer.kind,
            " x ".join(map(str, layer.out)),
            str(layer.copies),
            str(layer.uses),
            f"{layer.params:,}",
            f"{layer.macs:,}",
            f"{layer.activation_bytes / 1024:,.1f}",
        )
        for layer in layers
    ]
    print_table(
        ("layer", "kind", "output C x H x W", "weights", "uses", "parameters", "MACs", "activations, KiB"),
        rows,
        stream,
        text_columns=(0, 1, 2),
        optional=("activations, KiB", "uses", "kind", "weights", "output C x H x W"),
    )


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    stream: TextIO,
    text_columns: Sequence[int] = (),
    optional: Sequence[str] = (),
) -> None:
    """Print a table. Cells are never cut.

    On a narrow terminal, optional columns are left out, and a line below the table names them. Files and pipes
    get all columns.

    Args:
        header: The names of the columns.
        rows: The cells as text.
        stream: The stream to write to.
        text_columns: Indices of the columns that are aligned left; the others are aligned right.
        optional: Names of columns that may be left out, the first one first.
    """
    width = terminal_width(stream)
    kept = list(range(len(header)))
    for name in optional:
        if width is None or _table_width(header, rows, kept) <= width:
            break
        kept = [i for i in kept if header[i] != name]
    widths = _widths(header, rows)

    def line(cells: Sequence[str]) -> str:
        padded = [cells[i].ljust(widths[i]) if i in text_columns else cells[i].rjust(widths[i]) for i in kept]
        return "  ".join(padded).rstrip() + "\n"

    stream.write(line(header))
    stream.write("  ".join("-" * widths[i] for i in kept) + "\n")
    stream.writelines(line(row) for row in rows)
    if left_out := [name for i, name in enumerate(header) if i not in kept]:
        stream.write(f"(too narrow for: {', '.join(left_out)}; --json has every column)\n")


def _widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]


def _table_width(header: Sequence[str], rows: Sequence[Sequence[str]], kept: Sequence[int]) -> int:
    widths = _widths(header, rows)
    return sum(widths[i] for i in kept) + 2 * (len(kept) - 1)


def terminal_width(stream: TextIO) -> int | None:
    """Return the width of the terminal in characters; None for files, pipes and unknown widths."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError, AttributeError):  # no terminal, no file, closed
        return None


def write_front_csv(front: Sequence[TrialRecord], stream: TextIO, objectives: Objectives = PARAMS) -> None:
    """Write ``front_csv`` to ``stream``."""
    stream.write(front_csv(front, objectives))


def front_csv(front: Sequence[TrialRecord], objectives: Objectives = PARAMS) -> str:
    """Return a front as CSV, the content of ``front.csv``."""
    text = io.StringIO()
    writer = csv.DictWriter(text, point_columns(objectives.columns, front), lineterminator="\n")
    writer.writeheader()
    writer.writerows(trial.point(objectives.columns) for trial in front)
    return text.getvalue()


def print_json(document: Any) -> None:
    """Print one JSON document on stdout; NaN is not allowed."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
