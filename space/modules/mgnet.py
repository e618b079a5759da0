"""MgNet as a torch module; names follow the equations of arXiv 2112.07441, section 3."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from torch import Tensor, nn

from space.modules.blocks import GridNet, NormAct, conv, zeros_like_grid
from space.modules.smoothers import MODULES
from space.networks.grid_spec import Level, groups_of
from space.networks.mgnet import MgNetSpec
from space.networks.weight_sharing import copies


class SmoothingLevel(nn.Module):
    """One grid: nu iterations of v = sigma(BN(B * sigma(BN(f - A * u)))) and the smoother's next u.

    The level stores each operator that it is the first to use, once. A shared operator is thus one tensor in
    the state dict. Every iteration has its own batch norms.
    """

    def __init__(self, spec: MgNetSpec, level: Level, num_a: int, num_b: int) -> None:
        super().__init__()
        self.smoother = MODULES[spec.smoother.kind](spec, level)
        self.A = nn.ModuleList(conv(level.c_u, level.c_f) for _ in range(num_a))
        self.B = nn.ModuleList(self.smoother.make_b() for _ in range(num_b))
        self.norm_f = nn.ModuleList(NormAct(level.c_f, spec.activation) for _ in range(level.nu))
        self.norm_u = nn.ModuleList(NormAct(level.c_u, spec.activation) for _ in range(level.nu))

    def forward(
        self,
        u: Tensor,
        f: Tensor,
        all_a: nn.ModuleList,
        all_b: nn.ModuleList,
        first_residual: Tensor | None = None,
    ) -> Tensor:
        """Return u after nu iterations, N c_u H W.

        Args:
            u: The initial features, N c_u H W.
            f: The data, N c_f H W.
            all_a: The operators A of this level, applied in turn.
            all_b: The operators B of this level, applied in turn.
            first_residual: f - A * u of the first iteration if it is already known, N c_f H W.
        """
        before = u
        for i, (norm_f, norm_u) in enumerate(zip(self.norm_f, self.norm_u, strict=True)):
            a, b = all_a[i % len(all_a)], all_b[i % len(all_b)]
            residual = first_residual if i == 0 and first_residual is not None else f - a(u)
            v = norm_u(self.smoother.apply_b(b, a, norm_f(residual)))
            u, before = self.smoother.next_u(i, u, before, v), u
        return u


class Transition(nn.Module):
    """The map to the next grid.

    u_next = sigma(BN(Pi * u)) and f_next = sigma(BN(R * residual)) + A_next * u_next. With the interpolation
    ``zero``, u_next = 0 and f_next = sigma(BN(R * residual)).
    """

    def __init__(self, spec: MgNetSpec, fine: Level, coarse: Level) -> None:
        super().__init__()
        self.coarse = coarse
        self.starts_from_zero = spec.interpolation == "zero"
        if not self.starts_from_zero:
            self.Pi = grid_change(spec.interpolation, fine.c_u, coarse.c_u)
            self.norm_u = NormAct(coarse.c_u, spec.activation)
        self.R = grid_change(spec.restriction, fine.c_f, coarse.c_f)
        self.norm_f = NormAct(coarse.c_f, spec.activation)

    def forward(self, u: Tensor, residual: Tensor, a_next: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
        """Return u, f and f - A * u of the next grid.

        Args:
            u: Features of the fine grid, N c_u H W.
            residual: f - A * u of the fine grid, N c_f H W.
            a_next: The first A of the next grid.

        Returns:
            Tensors N c_u H/2 W/2, N c_f H/2 W/2 and N c_f H/2 W/2, rounded up.
        """
        restricted = self.norm_f(self.R(residual))
        if self.starts_from_zero:
            return zeros_like_grid(restricted, self.coarse.c_u), restricted, restricted
        u = self.norm_u(self.Pi(u))
        return u, restricted + a_next(u), restricted


def grid_change(how: str, in_channels: int, out_channels: int) -> nn.Module:
    """Return Pi or R (see ``MgNetSpec``): N in_channels H W to N out_channels H/2 W/2, rounded up."""
    if how != "pool":
        groups = groups_of("depthwise" if how == "depthwise" else 1, in_channels, out_channels)
        return conv(in_channels, out_channels, stride=2, groups=groups)
    pool = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
    if in_channels == out_channels:
        return pool
    return nn.Sequential(pool, conv(in_channels, out_channels, kernel=1))


class MgNet(GridNet):
    """The whole network: images N C H W to logits N K. Images may have any size from 1 x 1 pixel.

    The first iteration of a level subtracts A * 0, or an A * u that was added just before. By default both
    products are computed, so that counts equal those of the papers. With ``is_reduced`` they are left out.
    This saves up to a sixth of the work; results differ by rounding only. A product stays if it is the only
    use of its operator, so every parameter has a gradient.
    """

    def __init__(self, spec: MgNetSpec) -> None:
        levels = spec.levels
        super().__init__(spec, levels[0].c_f, levels[-1].c_u, stem_norm=True)
        num_a, num_b = copies(spec.share_a, spec.slots_a), copies(spec.share_b, spec.slots_b)
        self.owners_a, self.owners_b = spec.owners_a, spec.owners_b
        self.levels = nn.ModuleList(
            SmoothingLevel(spec, level, num_a[i], num_b[i]) for i, level in enumerate(levels)
        )
        self.transitions = nn.ModuleList(Transition(spec, fine, coarse) for fine, coarse in pairwise(levels))
        self._reducible = self._first_products_that_may_go(spec)

    def features(self, images: Tensor) -> Tensor:
        """Return u of the last grid, N c_u H' W'; with ``relu`` it is non-negative."""
        f = self.from_images(images)
        u, first_residual = zeros_like_grid(f, self.spec.levels[0].c_u), f
        for index, level in enumerate(self.levels):
            all_a = self._operators("A", index)
            known = first_residual if self.is_reduced and self._reducible[index] else None
            u = level(u, f, all_a, self._operators("B", index), known)
            if index < len(self.transitions):
                # the residual uses A of the last iteration, f_next the first A of the next level
                residual = f - all_a[-1](u)
                next_a = self._operators("A", index + 1)[0]
                u, f, first_residual = self.transitions[index](u, residual, next_a)
        return u

    def _first_products_that_may_go(self, spec: MgNetSpec) -> list[bool]:
        """Return for each level whether the A of its first iteration is used elsewhere too."""
        last = len(self.levels) - 1
        uses: Counter[nn.Module] = Counter()
        for index, level in enumerate(spec.levels):
            all_a = list(self._operators("A", index))
            later = [all_a[i % len(all_a)] for i in range(1, level.nu)]
            uses.update(later)
            if spec.smoother.extra_a:  # its B applies A too
                uses.update([all_a[0], *later])
            if index < last:
                uses[all_a[-1]] += 1
            added = index > 0 and spec.interpolation != "zero"
            if added and (level.nu > 1 or index < last):  # otherwise f is not read again
                uses[all_a[0]] += 1
        return [uses[self._operators("A", index)[0]] > 0 for index in range(len(self.levels))]

    def _operators(self, letter: str, index: int) -> nn.ModuleList:
        owner = (self.owners_a if letter == "A" else self.owners_b)[index]
        operators = getattr(self.levels[owner], letter)
        assert isinstance(operators, nn.ModuleList)
        return operators
