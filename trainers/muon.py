"""Muon: momentum whose direction is made orthogonal, for the weights of convolutions.

Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; the iteration is that
of Newton and Schulz with the coefficients given there. torch has one for single matrices
(``torch.optim.Muon``, from 2.9 on); this one takes all weights of a shape at once, since networks of one
width have many of them, and of each small matrix product the launch is what costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
TINY = 1e-7


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum over weights ``O I kH kW``, each seen as a matrix O x (I kH kW).

    The root mean square of an update is ``lr`` times that of an orthogonal matrix of the weight's shape,
    times sqrt(max(1, rows / columns)). ``weight_decay`` takes ``lr * weight_decay`` of the weights off at
    each step. ``lr`` may be a tensor.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor,
        momentum: float,
        weight_decay: float,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(list(params), defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Make one step from the gradients of all weights; closures are not taken."""
        assert closure is None
        for group in self.param_groups:
            by_shape: dict[tuple[int, ...], list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    by_shape.setdefault(tuple(weight.shape), []).append(weight)
            for weights in by_shape.values():
                self._step_together(weights, group)

    def _step_together(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        buffers = [self._buffer(weight) for weight in weights]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, buffers, group["momentum"])
        matrices = torch.stack([tensor.flatten(1) for tensor in ahead])
        rows, columns = matrices.shape[1:]
        updates = orthogonalised(matrices) * (group["lr"] * math.sqrt(max(1.0, rows / columns)))
        keep = 1 - group["lr"] * group["weight_decay"]
        for weight, update in zip(weights, updates.unbind(), strict=True):
            weight.mul_(keep).sub_(update.reshape(weight.shape))

    def _buffer(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        buffer: Tensor = state["momentum_buffer"]
        return buffer


def orthogonalised(matrices: Tensor) -> Tensor:
    """Return N R C matrices, float32, with singular values near 1 (about 0.7 to 1.2) and the same vectors.

    The products are of bfloat16 on a GPU; zeros stay zeros.
    """
    a, b, c = COEFFICIENTS
    x = matrices.bfloat16() if matrices.is_cuda else matrices
    is_tall = x.shape[1] > x.shape[2]
    x = x.mT if is_tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=TINY)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if is_tall else x).float()
