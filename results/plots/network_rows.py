"""What the diagram of a network shows: one row for each level, with its iterations and operators."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from space.networks.counts import halved
from space.networks.grid_spec import GridSpec, Level
from space.networks.mgnet import MgNetSpec
from space.networks.resnet import ResidualSpec
from space.networks.spec import Spec
from space.networks.weight_sharing import Sharing

MOST_CELLS = 5
"""The largest number of iterations that are drawn; longer rows leave out the middle."""

_SMOOTHERS = {
    "conv": "u ← u + σ(BN(B ∗ σ(BN(f − A ∗ u))))",
    "linear": "u ← u + σ(BN(B σ(BN(f − A ∗ u)))),  B = α",
    "quadratic": "u ← u + σ(BN(B σ(BN(f − A ∗ u)))),  B = (2a − A) / (a² + b²)",
    "two_step": "u ← σ(u₋₁ + ω (u + v − u₋₁)),  v = σ(BN(B ∗ σ(BN(f − A ∗ u))))",
}
_BLOCKS = {
    "resnet": "r ← σ(r + BN(A ∗ σ(BN(B ∗ r))))",
    "preact_resnet": "r ← r + A ∗ σ(BN(B ∗ σ(BN(r))))",
}
_CHANGES = {"conv": "3×3, stride 2", "depthwise": "depthwise 3×3, stride 2", "pool": "average pool, stride 2"}
_SHARED = {
    "network": "one for all levels of equal shape",
    "level": "one per level",
    "iteration": "one per {}",
}


@dataclass(frozen=True)
class Cell:
    """One iteration or block.

    Attributes:
        label: The text above the cell.
        weights: For each lane the superscript of the operator. Equal superscripts are equal weights.
    """

    label: str
    weights: tuple[str, ...] = ()


MISSING = Cell("")
"""The place of the iterations that are left out."""


@dataclass(frozen=True)
class Arrow:
    """A map to the next level: the operator, and how it changes the channels."""

    operator: str
    change: str


@dataclass(frozen=True)
class Row:
    """One level.

    Attributes:
        label: The name of the level.
        facts: Size and channels, one line each.
        cells: The iterations; ``MISSING`` where the middle is left out.
        arrows: The maps from the level before, or from the stem.
    """

    label: str
    facts: tuple[str, ...]
    cells: tuple[Cell, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True)
class Drawing:
    """A network as the diagram shows it.

    Attributes:
        title: The network in one sentence.
        equation: One smoothing iteration, or one block.
        lanes: The operators of a cell from top to bottom.
        stem: The text of the stem.
        head: The text of the head.
        rows: The levels.
        sharing: For each lane the sharing in words.
    """

    title: str
    equation: str
    lanes: tuple[str, str]
    stem: str
    head: str
    rows: tuple[Row, ...]
    sharing: tuple[str, str]


def drawing_of(spec: Spec, image_size: tuple[int, int]) -> Drawing | None:
    """Return what a diagram shows of a network; None for a family without levels, such as one of a plugin.

    Args:
        spec: The network.
        image_size: Height and width of the images in pixels.
    """
    if isinstance(spec, MgNetSpec):
        return _mgnet(spec, image_size)
    return _resnet(spec, image_size) if isinstance(spec, ResidualSpec) else None


def _mgnet(spec: MgNetSpec, image_size: tuple[int, int]) -> Drawing:
    sizes = _sizes(spec, image_size, [1] + [2] * (len(spec.levels) - 1))
    kernel = f" {spec.kernel_b}×{spec.kernel_b}" if spec.smoother.convolves else ""
    rows = []
    for place, (level, size) in enumerate(zip(spec.levels, sizes, strict=True)):
        weights_a = _weights(spec.share_a, spec.owners_a, place, level.nu)
        weights_b = _weights(spec.share_b, spec.owners_b, place, level.nu)
        cells = [
            Cell(f"i = {i}", (a, b)) for i, (a, b) in enumerate(zip(weights_a, weights_b, strict=True), 1)
        ]
        arrows = _mgnet_arrows(spec, place)
        facts = (f"ν = {level.nu}", _grid(size), f"c_u = {level.c_u}", f"c_f = {level.c_f}")
        rows.append(Row(f"level {place + 1}", facts, _shortened(cells), arrows))
    return Drawing(
        f"Diagram of {spec.notation}: {_in_words(spec.levels, 'level', 'iteration')}",
        _SMOOTHERS.get(spec.smoother.kind, f"smoother {spec.smoother.kind}"),
        ("A", "B"),
        _stem(spec, spec.levels[0].c_f),
        _head(spec, spec.levels[-1].c_u),
        tuple(rows),
        (
            f"A 3×3: {_sharing(spec.share_a, 'iteration')}",
            f"B{kernel}: {_sharing(spec.share_b, 'iteration')}",
        ),
    )


def _mgnet_arrows(spec: MgNetSpec, place: int) -> tuple[Arrow, ...]:
    if not place:
        return (Arrow("f = σ(BN(stem)),  u = 0", f"{spec.levels[0].c_f} channels"),)
    before, level = spec.levels[place - 1], spec.levels[place]
    to_u = Arrow(f"Π {_CHANGES.get(spec.interpolation, '')}", f"u: {before.c_u} → {level.c_u} channels")
    if spec.interpolation == "zero":
        to_u = Arrow("u = 0", f"{level.c_u} channels")
    restriction = Arrow(f"R {_CHANGES[spec.restriction]}", f"f − A u: {before.c_f} → {level.c_f} channels")
    return (to_u, restriction)


def _resnet(spec: ResidualSpec, image_size: tuple[int, int]) -> Drawing:
    entries = spec.entries
    sizes = _sizes(spec, image_size, [entry.stride for entry in entries])
    rows = []
    for place, (level, entry, size) in enumerate(zip(spec.levels, entries, sizes, strict=True)):
        weights_a = _weights(spec.share_a, spec.owners_a, place, level.nu)
        weights_b = _weights(spec.share_b, spec.owners_b, place, level.nu)
        if entry.changes:
            weights_b[0] = f"{place + 1},1"  # its shape differs, so it is never shared
        cells = [
            Cell(f"block {i}", (b, a)) for i, (b, a) in enumerate(zip(weights_b, weights_a, strict=True), 1)
        ]
        change = f"r: {entry.in_channels} → {level.c_f} channels"
        arrow = Arrow("first block: stride 2, shortcut 1×1", change)
        if not place:
            arrow = Arrow("r = stem", change if entry.changes else f"{level.c_f} channels")
        facts = (f"ν = {level.nu}", _grid(size), f"c_u = {level.c_u}", f"c_f = {level.c_f}")
        rows.append(Row(f"stage {place + 1}", facts, _shortened(cells), (arrow,)))
    a, b = ("1×1", "1×1 and {0}×{0}") if spec.block == "bottleneck" else ("3×3", "{0}×{0}")
    return Drawing(
        f"Diagram of {spec.notation}: {_in_words(spec.levels, 'stage', 'block')}",
        _BLOCKS.get(spec.family, f"{spec.block} blocks"),
        ("B", "A"),
        _stem(spec, spec.stem_width),
        _head(spec, spec.levels[-1].c_f),
        tuple(rows),
        (
            f"B {b.format(spec.kernel_b)}: {_sharing(spec.share_b, 'block')}",
            f"A {a}: {_sharing(spec.share_a, 'block')}",
        ),
    )


def _weights(sharing: Sharing, owners: list[int], place: int, number: int) -> list[str]:
    """Return the superscripts of one level: ``l`` or ``l,i``; empty for one operator of all levels."""
    if sharing == "iteration":
        return [f"{place + 1},{i}" for i in range(1, number + 1)]
    is_everywhere = sharing == "network" and not any(owners)
    return ["" if is_everywhere else f"{owners[place] + 1}"] * number


def _shortened(cells: list[Cell]) -> tuple[Cell, ...]:
    if len(cells) <= MOST_CELLS:
        return tuple(cells)
    return (*cells[: MOST_CELLS - 2], MISSING, cells[-1])


def _sizes(spec: GridSpec, image_size: tuple[int, int], strides: list[int]) -> list[tuple[int, int]]:
    size = spec.size_after_stem(image_size)
    sizes = []
    for stride in strides:
        size = halved(size) if stride == 2 else size
        sizes.append(size)
    return sizes


def _grid(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]} pixels"


def _stem(spec: GridSpec, channels: int) -> str:
    kernel = "7×7, stride 2, max pool" if spec.stem == "imagenet" else "3×3"
    return f"image: {spec.in_channels} → {channels}, {kernel}"


def _head(spec: GridSpec, channels: int) -> str:
    return f"average pool, linear {channels} → {spec.num_classes}"


def _sharing(sharing: Sharing, step: str) -> str:
    return _SHARED[sharing].format(step)


def _in_words(levels: tuple[Level, ...], row: str, step: str) -> str:
    counts = ", ".join(str(level.nu) for level in levels)
    return f"{len(levels)} {row}{'s' * (len(levels) > 1)} with {counts} {step}s"


def links(row: Row, lane: int) -> list[bool]:
    """Return for each pair of neighbouring cells whether they share the operator of a lane.

    The cells around a gap count as neighbours.
    """
    linked = []
    for before, after in pairwise(row.cells):
        if before is MISSING or after is MISSING:
            before, after = row.cells[1], row.cells[-1]
        linked.append(before.weights[lane] == after.weights[lane])
    return linked
