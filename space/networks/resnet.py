"""ResNets as iterations on the residual r = f - A u (arXiv 2112.07441, section 4).

A block is one smoothing iteration. In a basic block the first convolution is B (c_f to c_u channels) and the
second is A (c_u to c_f). Sharing A among the blocks of a level gives the modified ResNets of that paper.
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
"""Ratio of c_f to c_u in a classical bottleneck."""
CLASSICAL: dict[int, tuple[tuple[int, ...], BlockName]] = {
    18: ((2, 2, 2, 2), "basic"),
    34: ((3, 4, 6, 3), "basic"),
    50: ((3, 4, 6, 3), "bottleneck"),
    101: ((3, 4, 23, 3), "bottleneck"),
    152: ((3, 8, 36, 3), "bottleneck"),
}
"""Blocks of each level of the classical ResNets by depth (He et al. 2015, table 1)."""


class Entry(NamedTuple):
    """The first block of a level.

    Attributes:
        in_channels: Channels of its input.
        stride: 1 or 2.
        changes: Whether the shape of r changes in it. Then it has its own B and a projection as shortcut.
    """

    in_channels: int
    stride: int
    changes: bool


class Stage(NamedTuple):
    """One level in the counts; r enters with ``size`` and leaves with ``coarse`` size, both (H, W)."""

    prefix: str
    level: Level
    entry: Entry
    size: tuple[int, int]
    coarse: tuple[int, int]
    copies_a: int
    copies_b: int


class ResidualSpec(GridSpec):
    """The common base of ResNets with post- and pre-activation. r has c_f channels, features in a block have
    c_u.

    In a ``bottleneck``, A is a 1x1 convolution. B is a 1x1 convolution to c_u channels, then a convolution
    with B's kernel, groups and stride. The first block of levels 2 to J changes the shape of r. So does the
    first block of level 1 if the stem has another width (``stem_channels``, by default c_f of level 1).
    """

    share_a: Sharing = "iteration"
    share_b: Sharing = "iteration"
    block: BlockName = "basic"
    stem_channels: Count | None = Field(default=None)

    @property
    def stem_width(self) -> int:
        """The number of output channels of the stem."""
        return self.stem_channels or self.levels[0].c_f

    @property
    def notation(self) -> str:
        """The notation, e.g. ``ResNet18-A^l-B^{l,i}``; ``parse_notation`` is the inverse."""
        depths = (
            depth
            for depth in CLASSICAL
            if self.levels == _levels(depth) and self.block == CLASSICAL[depth][1]
        )
        return format_grid(self, always_b=False, depth=next(depths, None))

    @classmethod
    def read_notation(cls, reader: Reader, facts: Mapping[str, Any]) -> Self:
        """Return the spec whose notation follows ``notation_name``; see ``Spec.read_notation``."""
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
        """For each level the shape of A and the number of applications that may share weights."""
        return [Slots((level.c_u, level.c_f), level.nu) for level in self.levels]

    @property
    def slots_b(self) -> list[Slots]:
        """For each level the shape of B and the number of applications that may share weights.

        A block that changes the shape of r has its own B.
        """
        return [
            Slots((level.c_f, level.c_u), level.nu - entry.changes)
            for level, entry in zip(self.levels, self.entries, strict=True)
        ]

    def canonical(self) -> Self:
        """Return the spec with every hyperparameter without effect at its default."""
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
        """Return the counts of every layer, in the order of the forward pass."""
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
        """Return the layers between the last level, of ``size`` (H, W), and the head."""

    def _convolutions(self, stage: Stage) -> list[LayerCount]:
        """Return A, B and the shortcut's projection of a level.

        A ReLU before a convolution has kept its input. With other activations the convolution keeps it.
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
        """Return the layers of B, from the size of ``stage`` to its coarse size."""
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
        """Return the batch norms inside the blocks: one after each convolution of B."""
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
            # no ReLU has kept the output of the pooling, so the first B keeps it
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
    """The pre-activation ResNet of He et al. (2016): r <- r + A * sigma(BN(B * sigma(BN(r)))).

    A last sigma(BN(r)) stands before the head. Projections start from sigma(BN(r)) and have no batch norm.
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
