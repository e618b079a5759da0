"""The ResNet of He et al. (2015) as a torch module, its blocks written as iterations on the residual."""

from __future__ import annotations

from torch import Tensor, nn

from space.grid_spec import Level
from space.modules.blocks import ACTIVATIONS, GridNet
from space.modules.residual import Blocks
from space.resnet import Entry, ResNetSpec
from space.sharing import copies


class ResNetLevel(Blocks):
    """The blocks of one level: ``r <- sigma(r + BN(A * sigma(BN(B * r))))``."""

    def __init__(self, spec: ResNetSpec, level: Level, entry: Entry, num_a: int, num_b: int) -> None:
        super().__init__(spec, level, entry, num_a, num_b)
        self.sigma = ACTIVATIONS[spec.activation]
        self.norm_f = nn.ModuleList(nn.BatchNorm2d(level.c_f) for _ in range(level.nu))
        if entry.changes:
            self.norm_shortcut = nn.BatchNorm2d(level.c_f)

    def forward(self, r: Tensor, all_a: nn.ModuleList, all_b: nn.ModuleList) -> Tensor:
        """Return r after the level's blocks with the operators given, N c_f H W."""
        for i, (norm_f, norm_u) in enumerate(zip(self.norm_f, self.norm_u, strict=True)):
            a, b = self.operators(i, all_a, all_b)
            correction = norm_f(a(norm_u(self.apply_b(i, b, r))))
            if i == 0 and self.changes:
                r = self.norm_shortcut(self.shortcut(r))
            r = self.sigma(r + correction)
        return r


class ResNet(GridNet):
    """The whole network; images N C H W to logits N K."""

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__(spec, spec.stem_width, spec.levels[-1].c_f, stem_norm=True)
        num_a, num_b = copies(spec.share_a, spec.slots_a), copies(spec.share_b, spec.slots_b)
        self.owners = list(zip(spec.owners_a, spec.owners_b, strict=True))
        self.levels = nn.ModuleList(
            ResNetLevel(spec, level, entry, num_a[i], num_b[i])
            for i, (level, entry) in enumerate(zip(spec.levels, spec.entries, strict=True))
        )

    def features(self, images: Tensor) -> Tensor:
        """Return the last level's r, N c_f H' W', non-negative if the activation is ``relu``."""
        r = self.from_images(images)
        for level, (owner_a, owner_b) in zip(self.levels, self.owners, strict=True):
            r = level(r, self.levels[owner_a].A, self.levels[owner_b].B)
        return r
