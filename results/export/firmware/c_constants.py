"""The constants of a network's C code: weights, tables of multipliers and biases, and the layers."""

from __future__ import annotations

from collections.abc import Iterable

from space.firmware.quantise import IntegerNetwork, IntegerStep

WIDTH = 100
"""Characters of a line of numbers."""


class Constants:
    """The constants of net.c as C text.

    Attributes:
        mean_pixel: The values of pixels outside the image.
        weights: Lines of the weights of all operators, each once.
        num_weights: Their number.
        tables: Lines of the tables of all steps.
        num_tables: The number of their values.
        layers: A line for each step.
    """

    def __init__(self, network: IntegerNetwork) -> None:
        self.mean_pixel: list[int] = []
        self.weights: list[str] = []
        self.num_weights = 0
        self.tables: list[str] = []
        self.num_tables = 0
        self.layers: list[str] = []
        places: dict[str, int] = {}
        for one in network.steps:
            step = one.step
            if one.padding is not None:
                self.mean_pixel = one.padding.tolist()
            place, table = 0, self.num_tables
            if one.weights is not None and step.operator is not None:
                key = step.operator.key
                if key not in places:
                    places[key] = self.num_weights
                    self.weights += [f"    /* {key} */", f"{numbers(one.weights.reshape(-1).tolist())},"]
                    self.num_weights += one.weights.size
                place = places[key]
            values = _table_of(one)
            if values:
                self.tables += [f"    /* {step.out.name} */", f"{numbers(values)},"]
                self.num_tables += len(values)
            self.layers.append(_layer(one, place, table))


def _table_of(one: IntegerStep) -> list[int]:
    """Return the values of a step's tables, in the order of ``Variant.tables``."""
    present = [table.tolist() for table in (one.multipliers, one.factors, one.biases) if table is not None]
    return [*(value for table in present for value in table), *one.added]


def _layer(one: IntegerStep, weights: int, table: int) -> str:
    """Return the C initialiser of a ``layer``."""
    step = one.step
    source = step.source or step.out
    kernel, groups = (step.operator.kernel, step.operator.groups) if step.operator is not None else (1, 1)
    fields = [
        *source.size, source.channels, step.out.channels, groups, 0,
        kernel, step.stride, one.shift, one.bias_shift, weights, table,
    ]  # fmt: skip
    return f"    {{{', '.join(map(str, fields))}}}, /* {step.out.name} */"


def numbers(values: Iterable[int]) -> str:
    """Return C text of numbers with commas between them, in lines."""
    lines, line = [], "   "
    for value in values:
        word = f" {value},"
        if len(line) + len(word) > WIDTH:
            lines.append(line)
            line = "   "
        line += word
    return "\n".join([*lines, line]).removesuffix(",")
