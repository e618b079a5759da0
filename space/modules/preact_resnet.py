"""The pre-activation ResNet of He et al. (2016) as a torch module, wide ones included (arXiv 1605.07146)."""

from __future__ import annotations

from torch import Tensor, nn

from space.modules.blocks import NormAct
from space.modules.residual import Blocks, ResidualNet
from space.networks.grid_spec import Level
from space.networks.resnet import Entry, PreActResNetSpec, ResidualSpec


class PreActLevel(Blocks):
    """The blocks of one level: ``r <- r + A * sigma(BN(B * sigma(BN(r))))``."""

    def __init__(self, spec: ResidualSpec, level: Level, entry: Entry, num_a: int, num_b: int) -> None:
        super().__init__(spec, level, entry, num_a, num_b)
        channels = [entry.in_channels] + [level.c_f] * (level.nu - 1)
        self.norm_f = nn.ModuleList(NormAct(number, spec.activation) for number in channels)

    def forward(self, r: Tensor, all_a: nn.ModuleList, all_b: nn.ModuleList) -> Tensor:
        """Return r after the blocks of the level, N c_f H W."""
        for i, (norm_f, norm_u) in enumerate(zip(self.norm_f, self.norm_u, strict=True)):
            a, b = self.operators(i, all_a, all_b)
            x = norm_f(r)
            correction = a(norm_u(self.apply_b(i, b, x)))
            if i == 0 and self.changes:
                r = self.shortcut(x)
            r = r + correction
        return r


class PreActResNet(ResidualNet):
    """The whole network: images N C H W to logits N K."""

    level_type = PreActLevel

    def __init__(self, spec: PreActResNetSpec) -> None:
        super().__init__(spec, stem_norm=False)
        self.norm_last = NormAct(spec.levels[-1].c_f, spec.activation)

    def features(self, images: Tensor) -> Tensor:
        """Return sigma(BN(r)) of the last level, N c_f H' W'; with ``relu`` it is non-negative."""
        last: Tensor = self.norm_last(super().features(images))
        return last
