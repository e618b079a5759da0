"""Places of tensors in the arena, which has exactly the size of what lives at once.

A tensor takes the first gap that it fits into. If no gap fits, living tensors move to close the gaps.
"""

from __future__ import annotations

from typing import NamedTuple

from space.firmware.program import Program, Tensor, in_place


class Move(NamedTuple):
    """Bytes that move to a lower place."""

    source: int
    target: int
    bytes: int


class Placement(NamedTuple):
    """The arena at one step.

    Attributes:
        moves: The moves before the step, in order.
        offsets: The first byte of each operand and of the output, by tensor.
    """

    moves: tuple[Move, ...]
    offsets: dict[Tensor, int]


def placements(program: Program) -> list[Placement]:
    """Return the placement of each step. The image starts at byte 0; the logits are not in the arena."""
    size = program.arena_bytes
    last_step = program.last_uses()
    places: dict[Tensor, int] = {program.image: 0}
    found = []
    for index, step in enumerate(program.steps):
        dying = [tensor for tensor in places if last_step[tensor.name] <= index]
        moves: tuple[Move, ...] = ()
        if step.kind != "head":
            operand = in_place(step, dying)
            if operand is not None:
                places[step.out] = places[operand]
            else:
                offset = _gap(places, step.out.bytes, size)
                if offset is None:
                    places, moves = _compacted(places)
                    offset = _gap(places, step.out.bytes, size)
                    assert offset is not None
                places[step.out] = offset
        found.append(Placement(moves, dict(places)))
        for tensor in dying:
            del places[tensor]
    return found


def _gap(places: dict[Tensor, int], num_bytes: int, size: int) -> int | None:
    """Return the lowest place for a tensor; None if no gap is large enough."""
    begin = 0
    for tensor, offset in sorted(places.items(), key=lambda pair: pair[1]):
        if offset - begin >= num_bytes:
            return begin
        begin = max(begin, offset + tensor.bytes)
    return begin if size - begin >= num_bytes else None


def _compacted(places: dict[Tensor, int]) -> tuple[dict[Tensor, int], tuple[Move, ...]]:
    """Return the places without gaps, and the moves to them."""
    moves, found, begin = [], {}, 0
    for tensor, offset in sorted(places.items(), key=lambda pair: pair[1]):
        if offset != begin:
            moves.append(Move(offset, begin, tensor.bytes))
        found[tensor] = begin
        begin += tensor.bytes
    return found, tuple(moves)
