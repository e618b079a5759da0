"""Weight sharing: which applications of an operator A or B use the same weights.

A network applies an operator in *slots*, one per level and smoothing iteration. Slots can share an operator
only if its shape is the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

Sharing = Literal["network", "level", "iteration"]
"""One operator for all levels of a shape (``A``), one per level (``A^l``), or one per iteration (``A^{l,i}``)."""

SHARINGS: tuple[Sharing, ...] = ("network", "level", "iteration")
"""All sharings, fewest parameters first."""


class Slots(NamedTuple):
    """The slots of one level: the shape of the operator and the number of its applications."""

    shape: Hashable
    number: int


def owners(sharing: Sharing, levels: Sequence[Slots]) -> list[int]:
    """Return for each level the index of the level that stores its operators: itself or an earlier one."""
    if sharing != "network":
        return list(range(len(levels)))
    first: dict[Hashable, int] = {}
    return [
        first.setdefault(slots.shape, index) if slots.number else index for index, slots in enumerate(levels)
    ]


def copies(sharing: Sharing, levels: Sequence[Slots]) -> list[int]:
    """Return the number of operators that each level stores; 0 if it uses those of an earlier level."""
    if sharing == "iteration":
        return [slots.number for slots in levels]
    own = owners(sharing, levels)
    return [min(slots.number, 1) if own[i] == i else 0 for i, slots in enumerate(levels)]


def simplest(sharing: Sharing, levels: Sequence[Slots], *, default: Sharing) -> Sharing:
    """Return the canonical sharing among those with the same effect.

    ``network`` equals ``level`` if no two levels have the same shape. ``level`` equals ``iteration`` if no
    level applies its operator more than once; then ``default`` is returned.
    """
    filled = [slots for slots in levels if slots.number]
    if sharing == "network" and len({slots.shape for slots in filled}) < len(filled):
        return "network"
    if all(slots.number == 1 for slots in filled):
        return default
    return "iteration" if sharing == "iteration" else "level"
