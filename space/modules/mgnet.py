"""MgNet as a torch module; the names follow the equations (arXiv 2112.07441, section 3)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from space.mgnet import Level, MgNetSpec
from space.modules.blocks import NormReLU, conv3x3


class SmoothingLevel(nn.Module):
    """One grid: nu iterations of ``u <- u + sigma(BN(B * sigma(BN(f - A * u))))``.

    A shared operator is stored once, so it is one tensor in the state dict as well; every iteration has
    batch norms of its own.
    """

    def __init__(self, level: Level, num_a: int, num_b: int) -> None:
        super().__init__()
        self.A = nn.ModuleList(conv3x3(level.c_u, level.c_f) for _ in range(num_a))
        self.B = nn.ModuleList(conv3x3(level.c_f, level.c_u) for _ in range(num_b))
        self.norm_f = nn.ModuleList(NormReLU(level.c_f) for _ in range(level.nu))
        self.norm_u = nn.ModuleList(NormReLU(level.c_u) for _ in range(level.nu))

    def forward(self, u: Tensor, f: Tensor) -> Tensor:
        """Return u after nu iterations; u is N c_u H W and f is N c_f H W."""
        for i, (norm_f, norm_u) in enumerate(zip(self.norm_f, self.norm_u, strict=True)):
            a, b = self.A[i % len(self.A)], self.B[i % len(self.B)]
            u = u + norm_u(b(norm_f(f - a(u))))
        return u

    def residual(self, u: Tensor, f: Tensor) -> Tensor:
        """Return f - A * u with the last iteration's A, the data that is restricted to the next grid."""
        residual: Tensor = f - self.A[-1](u)
        return residual


class Transition(nn.Module):
    """To the next grid.

    ``u_next = sigma(BN(Pi * u))`` and ``f_next = sigma(BN(R * residual)) + A_next * u_next``.
    """

    def __init__(self, fine: Level, coarse: Level) -> None:
        super().__init__()
        self.Pi = conv3x3(fine.c_u, coarse.c_u, stride=2)
        self.R = conv3x3(fine.c_f, coarse.c_f, stride=2)
        self.norm_u = NormReLU(coarse.c_u)
        self.norm_f = NormReLU(coarse.c_f)

    def forward(self, u: Tensor, residual: Tensor, a_next: nn.Module) -> tuple[Tensor, Tensor]:
        """Return u (N c_u H/2 W/2) and f (N c_f H/2 W/2) of the next grid; ``a_next`` is its first A."""
        u = self.norm_u(self.Pi(u))
        return u, self.norm_f(self.R(residual)) + a_next(u)


class MgNet(nn.Module):
    """The whole network; images N C H W to logits N K. Images may have any size of at least one pixel."""

    def __init__(self, spec: MgNetSpec) -> None:
        super().__init__()
        self.spec = spec
        levels = spec.levels
        self.stem = conv3x3(spec.in_channels, levels[0].c_f)
        self.stem_norm = NormReLU(levels[0].c_f)
        self.levels = nn.ModuleList(
            SmoothingLevel(
                level,
                num_a=1 if spec.share_a == "level" else level.nu,
                num_b=1 if spec.share_b == "level" else level.nu,
            )
            for level in levels
        )
        self.transitions = nn.ModuleList(Transition(fine, coarse) for fine, coarse in pairwise(levels))
        self.head = nn.Linear(levels[-1].c_u, spec.num_classes)

    def features(self, images: Tensor) -> Tensor:
        """Return the last grid's u, N c_u H' W', non-negative by construction."""
        f = self.stem_norm(self.stem(images))
        c_u = self.spec.levels[0].c_u
        # A * 0 is computed like any other product: the counts of the papers and of this module agree.
        u = torch.zeros(f.shape[0], c_u, *f.shape[2:], dtype=f.dtype, device=f.device)
        for index, level in enumerate(self.levels):
            assert isinstance(level, SmoothingLevel)
            u = level(u, f)
            if index < len(self.transitions):
                following = self.levels[index + 1]
                assert isinstance(following, SmoothingLevel)
                u, f = self.transitions[index](u, level.residual(u, f), following.A[0])
        return u

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits: global average pooling of the last u, then a linear layer."""
        logits: Tensor = self.head(self.features(images).mean(dim=(2, 3)))
        return logits
