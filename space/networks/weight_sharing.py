"""Which applications of an operator use the same weights: the sharing of A and of B.

A network applies an operator in *slots*: on level l, once for each smoothing iteration. Operators can only
be shared where they have the same shape.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

Sharing = Literal["network", "level", "iteration"]
"""One operator for all levels of a shape (``A``), one for each level (``A^l``) or iteration (``A^{l,i}``)."""

SHARINGS: tuple[Sharing, ...] = ("network", "level", "iteration")
"""The sharings, in the order of the parameters that they cost."""


class Slots(NamedTuple):
    """The slots of one level: the shape of the operator, and how often the level applies one."""

    shape: Hashable
    number: int


def owners(sharing: Sharing, levels: Sequence[Slots]) -> list[int]:
    """Return for each level the index of the level whose operators it uses: its own, or an earlier one's."""
    if sharing != "network":
        return list(range(len(levels)))
    first: dict[Hashable, int] = {}
    return [
        first.setdefault(slots.shape, index) if slots.number else index for index, slots in enumerate(levels)
    ]


def copies(sharing: Sharing, levels: Sequence[Slots]) -> list[int]:
    """Return the number of operators that each level brings; 0 where it uses an earlier level's."""
    if sharing == "iteration":
        return [slots.number for slots in levels]
    own = owners(sharing, levels)
    return [min(slots.number, 1) if own[i] == i else 0 for i, slots in enumerate(levels)]


def simplest(sharing: Sharing, levels: Sequence[Slots], *, default: Sharing) -> Sharing:
    """Return the canonical one of the sharings that mean the same for these levels.

    Over the whole network means on each level where no two levels have a shape in common; and where no
    level applies its operator more than once, on a level and in an iteration are the same: ``default``.
    """
    filled = [slots for slots in levels if slots.number]
    if sharing == "network" and len({slots.shape for slots in filled}) < len(filled):
        return "network"
    if all(slots.number == 1 for slots in filled):
        return default
    return "iteration" if sharing == "iteration" else "level"
