"""What ResNets with post- and pre-activation share: the operators of a level and where they are stored."""

from __future__ import annotations

from torch import Tensor, nn

from space.modules.blocks import GridNet, NormAct, conv, conv_b
from space.networks.grid_spec import Level
from space.networks.resnet import Entry, ResidualSpec
from space.networks.weight_sharing import copies


class ReduceThenSpatial(nn.Module):
    """The operator B of a bottleneck: a 1x1 convolution to c_u channels, then one with B's kernel."""

    def __init__(self, spec: ResidualSpec, in_channels: int, c_u: int, stride: int) -> None:
        super().__init__()
        self.reduce = conv(in_channels, c_u, kernel=1)
        self.spatial = conv_b(spec, c_u, c_u, stride=stride)


class Blocks(nn.Module):
    """The operators of one level, each stored once. Later levels may use its A and B too.

    ``A`` and ``B`` hold one operator that all blocks share, or one per block. ``B_first`` and ``shortcut``
    exist if the first block changes the shape of r. ``norm_b`` is the batch norm inside the B of a
    bottleneck.
    """

    def __init__(self, spec: ResidualSpec, level: Level, entry: Entry, num_a: int, num_b: int) -> None:
        super().__init__()
        self.changes = entry.changes
        self.A = nn.ModuleList(
            conv(level.c_u, level.c_f, kernel=3 if spec.block == "basic" else 1) for _ in range(num_a)
        )
        self.B = nn.ModuleList(make_b(spec, level.c_f, level.c_u) for _ in range(num_b))
        if entry.changes:
            self.B_first = make_b(spec, entry.in_channels, level.c_u, entry.stride)
            self.shortcut = conv(entry.in_channels, level.c_f, kernel=1, stride=entry.stride)
        self.norm_u = nn.ModuleList(NormAct(level.c_u, spec.activation) for _ in range(level.nu))
        if spec.block == "bottleneck":
            self.norm_b = nn.ModuleList(NormAct(level.c_u, spec.activation) for _ in range(level.nu))

    def operators(
        self, block: int, all_a: nn.ModuleList, all_b: nn.ModuleList
    ) -> tuple[nn.Module, nn.Module]:
        """Return A and B of a block.

        Args:
            block: Index of the block in its level, from 0.
            all_a: The operators A that the level uses.
            all_b: The operators B that the level uses.
        """
        a = all_a[block % len(all_a)]
        if self.changes and block == 0:
            return a, self.B_first
        return a, all_b[(block - self.changes) % len(all_b)]

    def apply_b(self, block: int, b: nn.Module, x: Tensor) -> Tensor:
        """Return B * x, N c_u H W. The B of a bottleneck includes its inner sigma(BN(x))."""
        if isinstance(b, ReduceThenSpatial):
            inner: Tensor = b.spatial(self.norm_b[block](b.reduce(x)))
            return inner
        product: Tensor = b(x)
        return product


class ResidualNet(GridNet):
    """A stem, levels of blocks and a head. A subclass sets ``level_type``, which computes one level."""

    level_type: type[Blocks]

    def __init__(self, spec: ResidualSpec, *, stem_norm: bool) -> None:
        super().__init__(spec, spec.stem_width, spec.levels[-1].c_f, stem_norm=stem_norm)
        num_a, num_b = copies(spec.share_a, spec.slots_a), copies(spec.share_b, spec.slots_b)
        self.owners = list(zip(spec.owners_a, spec.owners_b, strict=True))
        self.levels = nn.ModuleList(
            self.level_type(spec, level, entry, num_a[i], num_b[i])
            for i, (level, entry) in enumerate(zip(spec.levels, spec.entries, strict=True))
        )

    def features(self, images: Tensor) -> Tensor:
        """Return r of the last level, N c_f H' W'."""
        r = self.from_images(images)
        for level, (owner_a, owner_b) in zip(self.levels, self.owners, strict=True):
            r = level(r, self.levels[owner_a].A, self.levels[owner_b].B)
        return r


def make_b(spec: ResidualSpec, in_channels: int, c_u: int, stride: int = 1) -> nn.Module:
    """Return one freshly initialised operator B."""
    if spec.block == "bottleneck":
        return ReduceThenSpatial(spec, in_channels, c_u, stride)
    return conv_b(spec, in_channels, c_u, stride=stride)
