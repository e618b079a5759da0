"""ResNets as iterations on the residual r = f - A u, whose data are images (arXiv 2112.07441, section 4).

A block is one smoothing iteration. Seen so, a basic block's first convolution is B, from c_f to c_u channels,
and its second is A, from c_u back to c_f; sharing A among the blocks of a level gives the modified ResNets.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field

from space.core.cursor import Reader
from space.networks import counts
from space.networks.counts import LayerCount, Size, as_size
from space.networks.grid_spec import GridSpec, Level, groups_of, simplest_groups
from space.networks.spec import Count
from space.networks.weight_sharing import Sharing, Slots, copies, simplest
from space.notation.grid import format_grid, read_grid

BlockName = Literal["basic", "bottleneck"]

EXPANSION = 4
"""Channels of a classical bottleneck's residual for each of its inner channels."""
CLASSICAL: dict[int, tuple[tuple[int, ...], BlockName]] = {
    18: ((2, 2, 2, 2), "basic"),
    34: ((3, 4, 6, 3), "basic"),
    50: ((3, 4, 6, 3), "bottleneck"),
    101: ((3, 4, 23, 3), "bottleneck"),
    152: ((3, 8, 36, 3), "bottleneck"),
}
"""Blocks of each level of the ResNets known by their depth (He et al. 2015, table 1)."""


class Entry(NamedTuple):
    """How the first block of a level differs: it comes from ``in_channels``, with ``stride`` 1 or 2.

    ``changes`` says that shapes change in it: then it has a B of its own, and a projection as shortcut.
    """

    in_channels: int
    stride: int
    changes: bool


class Stage(NamedTuple):
    """One level in the counts: r comes in with ``size`` and goes out with ``coarse`` size."""

    prefix: str
    level: Level
    entry: Entry
    size: tuple[int, int]
    coarse: tuple[int, int]
    copies_a: int
    copies_b: int


class ResidualSpec(GridSpec):
    """What both kinds of ResNet have in common; r has c_f channels, and the features in a block c_u.

    In a ``bottleneck`` A is a convolution 1x1, and B a convolution 1x1 to c_u channels followed by one with
    the kernel, groups and stride of B. On levels 2 to J, and on level 1 where the stem has another width
    (``stem_channels``; c_f of level 1 if left out), the first block changes the shape of r.
    """

    share_a: Sharing = "iteration"
    share_b: Sharing = "iteration"
    block: BlockName = "basic"
    stem_channels: Count | None = Field(default=None)

    @property
    def stem_width(self) -> int:
        """Channels of the stem's output."""
        return self.stem_channels or self.levels[0].c_f

    @property
    def notation(self) -> str:
        """The notation, e.g. ``ResNet18-A^l-B^{l,i}``; ``parse_notation`` reads it back."""
        depths = (
            depth
            for depth in CLASSICAL
            if self.levels == _levels(depth) and self.block == CLASSICAL[depth][1]
        )
        return format_grid(self, always_b=False, depth=next(depths, None))

    @classmethod
    def read_notation(cls, reader: Reader, facts: Mapping[str, Any]) -> Self:
        """Return the spec behind ``notation_name``."""
        classical = {
            str(depth): {"levels": _levels(depth), "block": block} for depth, (_, block) in CLASSICAL.items()
        }
        return read_grid(cls, reader, facts, needs_b=False, classical=classical)

    @property
    def entries(self) -> list[Entry]:
        """The first block of each level."""
        first = self.levels[0]
        entries = [Entry(self.stem_width, 1, self.stem_width != first.c_f)]
        return entries + [Entry(level.c_f, 2, True) for level in self.levels[:-1]]

    @property
    def slots_a(self) -> list[Slots]:
        """Shape and number of the applications of A that may share weights, by level."""
        return [Slots((level.c_u, level.c_f), level.nu) for level in self.levels]

    @property
    def slots_b(self) -> list[Slots]:
        """The same for B; a block that changes shapes keeps its B to itself."""
        return [
            Slots((level.c_f, level.c_u), level.nu - entry.changes)
            for level, entry in zip(self.levels, self.entries, strict=True)
        ]

    def canonical(self) -> Self:
        """Return the spec with every hyperparameter that has no effect at its default."""
        spatial = [(level.c_u, level.c_u) for level in self.levels]
        if self.block == "basic":
            pairs = list(zip(self.levels, self.entries, strict=True))
            spatial = [(entry.in_channels, level.c_u) for level, entry in pairs]
            spatial += [(level.c_f, level.c_u) for level, _ in pairs if level.nu > 1]
        return self.replaced(
            share_a=simplest(self.share_a, self.slots_a, default="iteration"),
            share_b=simplest(self.share_b, self.slots_b, default="iteration"),
            groups_b=simplest_groups(self.groups_b, spatial),
            stem_channels=None if self.stem_width == self.levels[0].c_f else self.stem_channels,
        )

    def layers(self, image_size: Size) -> list[LayerCount]:
        """Return every layer, in the order of the forward pass."""
        size = as_size(image_size)
        rows = self._first_layers(size)
        size = self.size_after_stem(size)
        copies_a, copies_b = copies(self.share_a, self.slots_a), copies(self.share_b, self.slots_b)
        for index, (level, entry) in enumerate(zip(self.levels, self.entries, strict=True)):
            coarse = counts.halved(size) if entry.stride == 2 else size
            stage = Stage(f"level{index + 1}", level, entry, size, coarse, copies_a[index], copies_b[index])
            rows += self._convolutions(stage)
            rows += self._norms(stage)
            size = coarse
        return [*rows, *self._last_layers(size), self.head_layer(self.levels[-1].c_f)]

    @abstractmethod
    def _first_layers(self, size: tuple[int, int]) -> list[LayerCount]:
        """Return the stem's layers for images of ``size``."""

    @abstractmethod
    def _norms(self, stage: Stage) -> list[LayerCount]:
        """Return the batch norms of a level."""

    @abstractmethod
    def _last_layers(self, size: tuple[int, int]) -> list[LayerCount]:
        """Return what stands between the last level, of ``size``, and the head."""

    def _convolutions(self, stage: Stage) -> list[LayerCount]:
        """Return A, B and the shortcut's projection of a level.

        What a convolution takes in, a ReLU before it has kept; other activations leave that to it.
        """
        prefix, level, entry = stage.prefix, stage.level, stage.entry
        rows: list[LayerCount] = []
        if entry.changes:
            rows += self._b_layers(f"{prefix}.B_first", entry.in_channels, stage)
            rows.append(
                counts.conv2d(f"{prefix}.shortcut", entry.in_channels, level.c_f, stage.coarse, kernel=1)
            )
        if later := level.nu - entry.changes:
            inner = stage._replace(size=stage.coarse)
            rows += self._b_layers(f"{prefix}.B", level.c_f, inner, stage.copies_b, later)
        kept = 0 if self.keeps_outputs else level.nu * level.c_u * stage.coarse[0] * stage.coarse[1]
        return [
            *rows,
            counts.conv2d(
                f"{prefix}.A", level.c_u, level.c_f, stage.coarse, kernel=3 if self.block == "basic" else 1,
                copies=stage.copies_a, uses=level.nu, saved=kept,
            ),
        ]  # fmt: skip

    def _b_layers(
        self, name: str, in_channels: int, stage: Stage, num_copies: int = 1, uses: int = 1
    ) -> list[LayerCount]:
        """Return B, which goes from the size of ``stage`` to its coarse size."""
        c_u, size, coarse = stage.level.c_u, stage.size, stage.coarse
        pixels = 0 if self.keeps_outputs else uses * size[0] * size[1]
        if self.block == "basic":
            groups = groups_of(self.groups_b, in_channels, c_u)
            return [
                counts.conv2d(
                    name, in_channels, c_u, coarse, kernel=self.kernel_b, groups=groups,
                    copies=num_copies, uses=uses, saved=in_channels * pixels,
                )
            ]  # fmt: skip
        return [
            counts.conv2d(
                f"{name}.reduce", in_channels, c_u, size, kernel=1,
                copies=num_copies, uses=uses, saved=in_channels * pixels,
            ),
            counts.conv2d(
                f"{name}.spatial", c_u, c_u, coarse, kernel=self.kernel_b,
                groups=groups_of(self.groups_b, c_u, c_u),
                copies=num_copies, uses=uses, saved=c_u * pixels,
            ),
        ]  # fmt: skip

    def _inner_norms(self, stage: Stage) -> list[LayerCount]:
        """Return the batch norms inside the blocks, on features: one behind each convolution of B."""
        prefix, level, entry = stage.prefix, stage.level, stage.entry
        rows = []
        if self.block == "bottleneck":
            if entry.changes:
                rows.append(counts.batch_norm(f"{prefix}.norm_b_first", level.c_u, stage.size))
            if later := level.nu - entry.changes:
                rows.append(counts.batch_norm(f"{prefix}.norm_b", level.c_u, stage.coarse, copies=later))
        return [*rows, counts.batch_norm(f"{prefix}.norm_u", level.c_u, stage.coarse, copies=level.nu)]


def _levels(depth: int) -> tuple[Level, ...]:
    """Return the levels of a classical depth."""
    nus, block = CLASSICAL[depth]
    factor = EXPANSION if block == "bottleneck" else 1
    return tuple(Level(nu=nu, c_u=64 * 2**i, c_f=64 * 2**i * factor) for i, nu in enumerate(nus))


class ResNetSpec(ResidualSpec):
    """The ResNet of He et al. (2015): r <- sigma(r + BN(A * sigma(BN(B * r))))."""

    notation_name: ClassVar[str] = "ResNet"

    family: Literal["resnet"] = "resnet"

    def _first_layers(self, size: tuple[int, int]) -> list[LayerCount]:
        rows = self.stem_layers(self.stem_width, size)
        if self.stem == "imagenet" and self.keeps_outputs:
            # the first B keeps what comes out of the pooling, as it keeps any r that no ReLU has kept
            pool = rows[-1]
            values = pool.out[0] * pool.out[1] * pool.out[2]
            rows[-1] = pool._replace(activation_bytes=pool.activation_bytes + values * counts.FLOAT_BYTES)
        return rows

    def _last_layers(self, size: tuple[int, int]) -> list[LayerCount]:
        return []

    def _norms(self, stage: Stage) -> list[LayerCount]:
        prefix, level = stage.prefix, stage.level
        rows = self._inner_norms(stage)
        rows.append(counts.batch_norm(f"{prefix}.norm_f", level.c_f, stage.coarse, copies=level.nu))
        if stage.entry.changes:
            rows.append(
                counts.batch_norm(f"{prefix}.norm_shortcut", level.c_f, stage.coarse, is_activated=False)
            )
        return rows


class PreActResNetSpec(ResidualSpec):
    """The pre-activation ResNet (He et al. 2016): r <- r + A * sigma(BN(B * sigma(BN(r)))).

    A last sigma(BN(r)) stands before the head; projections start from sigma(BN(r)) and have no batch norm.
    """

    notation_name: ClassVar[str] = "PreActResNet"

    family: Literal["preact_resnet"] = "preact_resnet"

    def _first_layers(self, size: tuple[int, int]) -> list[LayerCount]:
        return self.stem_layers(self.stem_width, size, norm=False)

    def _last_layers(self, size: tuple[int, int]) -> list[LayerCount]:
        return [counts.batch_norm("norm_last", self.levels[-1].c_f, size)]

    def _norms(self, stage: Stage) -> list[LayerCount]:
        prefix, level = stage.prefix, stage.level
        rows = [counts.batch_norm(f"{prefix}.norm_f_first", stage.entry.in_channels, stage.size)]
        if level.nu > 1:
            rows.append(counts.batch_norm(f"{prefix}.norm_f", level.c_f, stage.coarse, copies=level.nu - 1))
        return rows + self._inner_norms(stage)
