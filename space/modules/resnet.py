"""The ResNet of He et al. (2015) as a torch module; its blocks are iterations on the residual."""

from __future__ import annotations

from torch import Tensor, nn

from space.modules.blocks import ACTIVATIONS
from space.modules.residual import Blocks, ResidualNet
from space.networks.grid_spec import Level
from space.networks.resnet import Entry, ResidualSpec, ResNetSpec


class ResNetLevel(Blocks):
    """The blocks of one level: ``r <- sigma(r + BN(A * sigma(BN(B * r))))``."""

    def __init__(self, spec: ResidualSpec, level: Level, entry: Entry, num_a: int, num_b: int) -> None:
        super().__init__(spec, level, entry, num_a, num_b)
        self.sigma = ACTIVATIONS[spec.activation]
        self.norm_f = nn.ModuleList(nn.BatchNorm2d(level.c_f) for _ in range(level.nu))
        if entry.changes:
            self.norm_shortcut = nn.BatchNorm2d(level.c_f)

    def forward(self, r: Tensor, all_a: nn.ModuleList, all_b: nn.ModuleList) -> Tensor:
        """Return r after the blocks of the level, N c_f H W."""
        for i, (norm_f, norm_u) in enumerate(zip(self.norm_f, self.norm_u, strict=True)):
            a, b = self.operators(i, all_a, all_b)
            correction = norm_f(a(norm_u(self.apply_b(i, b, r))))
            if i == 0 and self.changes:
                r = self.norm_shortcut(self.shortcut(r))
            r = self.sigma(r + correction)
        return r


class ResNet(ResidualNet):
    """The whole network: images N C H W to logits N K. With ``relu`` its features are non-negative."""

    level_type = ResNetLevel

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__(spec, stem_norm=True)
