"""The smoothers of MgNet as torch modules: the operator B and the next u.

To add a smoother, write its spec first (``space/networks/smoothers.py``). Then derive a class from
``Convolution`` here and override what differs:

- ``make_b`` returns a new operator B, an ``nn.Module`` with its parameters.
- ``apply_b`` returns B * r for the residual r (N c_f H W); the result has the shape N c_u H W. It may apply
  A.
- ``next_u`` returns the next u (N c_u H W) from u, the previous u and the correction v.

Parameters of a level, such as omega of ``TwoStep``, are created in ``__init__``; B's own belong to
``make_b``, so that levels can share them. Add the class to ``MODULES`` under the ``kind`` of its spec.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from space.modules.blocks import ACTIVATIONS, conv_b
from space.networks import smoothers as specs
from space.networks.grid_spec import Level
from space.networks.mgnet import MgNetSpec


class Convolution(nn.Module):
    """u <- u + v with a convolution B. Each level has one such object."""

    def __init__(self, spec: MgNetSpec, level: Level) -> None:
        super().__init__()
        self.spec = spec
        self.level = level

    def make_b(self) -> nn.Module:
        """Return a freshly initialised operator B of this level."""
        return conv_b(self.spec, self.level.c_f, self.level.c_u)

    def apply_b(self, b: nn.Module, a: nn.Module, residual: Tensor) -> Tensor:
        """Return B * r.

        Args:
            b: The operator B of this iteration.
            a: The operator A of this iteration.
            residual: r = sigma(BN(f - A * u)), N c_f H W.

        Returns:
            A tensor N c_u H W.
        """
        product: Tensor = b(residual)
        return product

    def next_u(self, iteration: int, u: Tensor, before: Tensor, v: Tensor) -> Tensor:
        """Return the next u, N c_u H W.

        Args:
            iteration: Index of the iteration in its level, from 0.
            u: The current u, N c_u H W.
            before: The previous u, N c_u H W; in the first iteration the current one.
            v: The correction, N c_u H W.
        """
        return u + v


class Scalars(nn.Module):
    """An operator B of learned scalars."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))


class Linear(Convolution):
    """u <- u + v with B = alpha."""

    def make_b(self) -> Scalars:
        """Return alpha = 1."""
        return Scalars(1.0)

    def apply_b(self, b: nn.Module, a: nn.Module, residual: Tensor) -> Tensor:
        """Return alpha * r."""
        assert isinstance(b, Scalars)
        return b.values[0] * residual


class Quadratic(Convolution):
    """u <- u + v with B = (2a - A) / (a^2 + b^2)."""

    def make_b(self) -> Scalars:
        """Return a = b = 1: the roots 1 + i and 1 - i."""
        return Scalars(1.0, 1.0)

    def apply_b(self, b: nn.Module, a: nn.Module, residual: Tensor) -> Tensor:
        """Return (2a r - A * r) / (a^2 + b^2)."""
        assert isinstance(b, Scalars)
        re, im = b.values[0], b.values[1]
        scale = 1 / (re**2 + im**2)
        polynomial: Tensor = 2 * re * scale * residual - scale * a(residual)
        return polynomial


class TwoStep(Convolution):
    """u_next <- sigma(u_prev + omega * (u + v - u_prev)) from the second iteration on."""

    def __init__(self, spec: MgNetSpec, level: Level) -> None:
        super().__init__(spec, level)
        assert isinstance(spec.smoother, specs.TwoStep)
        weights = chebyshev_weights(level.nu)[1:]
        self.omega: nn.Parameter | list[float] = weights
        if spec.smoother.weights == "learned" and weights:
            self.omega = nn.Parameter(torch.tensor(weights))

    def next_u(self, iteration: int, u: Tensor, before: Tensor, v: Tensor) -> Tensor:
        """Return u + v in the first iteration, then the two-step update."""
        if iteration == 0:
            return u + v
        omega = self.omega[iteration - 1]
        mixed: Tensor = before + omega * (u + v - before)
        return ACTIVATIONS[self.spec.activation](mixed)


def chebyshev_weights(num: int, spectral_radius: float = 0.9) -> list[float]:
    """Return the first ``num`` Chebyshev weights for the spectral radius rho.

    omega_1 = 1, omega_2 = 1 / (1 - rho^2 / 2), omega_{k+1} = 1 / (1 - rho^2 omega_k / 4) (Golub and Varga,
    Numerische Mathematik 3, 1961).
    """
    square = spectral_radius**2
    weights = [1.0]
    for index in range(1, num):
        weights.append(1 / (1 - square / 2) if index == 1 else 1 / (1 - square * weights[-1] / 4))
    return weights


MODULES: dict[str, type[Convolution]] = {
    "conv": Convolution,
    "linear": Linear,
    "quadratic": Quadratic,
    "two_step": TwoStep,
}
"""All smoother modules by the ``kind`` of their specs."""
