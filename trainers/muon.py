"""Muon: momentum whose direction is made orthogonal, for the weights of convolutions.

Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; the iteration is that
of Newton and Schulz with the coefficients given there. torch has one for single matrices
(``torch.optim.Muon``, from 2.9 on); this one takes all weights of a shape at once, since networks of one
width have many of them, and of each small matrix product the launch is what costs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from trainers.optimizer import Optimizer, WeightGroup

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
TINY = 1e-7


class Muon(Optimizer):
    """Muon with Nesterov momentum over weights ``O I kH kW``, each seen as a matrix O x (I kH kW).

    The root mean square of an update is ``lr`` times that of an orthogonal matrix of the weight's shape,
    times sqrt(max(1, rows / columns)). ``weight_decay`` takes ``lr * weight_decay`` of the weights off at
    each step.
    """

    @torch.no_grad()
    def step(self) -> None:
        """Move all weights once by the gradients that they have."""
        for group in self.groups:
            by_shape: dict[tuple[int, ...], list[nn.Parameter]] = {}
            for weight in group.with_gradients():
                by_shape.setdefault(tuple(weight.shape), []).append(weight)
            for weights in by_shape.values():
                self._step_together(weights, group)

    def _step_together(self, weights: list[nn.Parameter], group: WeightGroup) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        buffers = [self._buffer(weight) for weight in weights]
        torch._foreach_lerp_(buffers, gradients, 1 - self.momentum)
        ahead = torch._foreach_lerp(gradients, buffers, self.momentum)
        matrices = torch.stack([tensor.flatten(1) for tensor in ahead])
        rows, columns = matrices.shape[1:]
        updates = orthogonalised(matrices) * (group.lr * math.sqrt(max(1.0, rows / columns)))
        keep = 1 - group.lr * group.weight_decay
        for weight, update in zip(weights, updates.unbind(), strict=True):
            weight.mul_(keep).sub_(update.reshape(weight.shape))

    def _buffer(self, weight: nn.Parameter) -> Tensor:
        if weight not in self.buffers:
            self.buffers[weight] = torch.zeros_like(weight)
        return self.buffers[weight]


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
