"""Muon: momentum with orthogonalised updates, for the weights of convolutions.

Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", with its Newton-Schulz
coefficients. ``torch.optim.Muon`` (torch 2.9) updates one matrix at a time. This class updates all weights of
a shape together, and on a GPU small weights of all shapes, because kernel launches dominate their cost.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from trainers.optim.optimizer import Optimizer, WeightGroup

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
TINY = 1e-7
SMALL = (64, 1024)
"""Largest sides of matrices that a GPU updates together, whatever their shapes."""


class Muon(Optimizer):
    """Muon with Nesterov momentum over weights O I kH kW, viewed as matrices O x (I kH kW).

    W <- (1 - lr * weight_decay) W - lr * sqrt(max(1, rows / columns)) * orthogonalised(update).
    """

    @torch.no_grad()
    def step(self) -> None:
        """Update all weights that have gradients."""
        for group in self.groups:
            together: dict[tuple[int, ...] | None, list[nn.Parameter]] = {}
            for weight in group.with_gradients():
                together.setdefault(None if self._joins(weight) else tuple(weight.shape), []).append(weight)
            for weights in together.values():
                self._step_together(weights, group)

    def _joins(self, weight: nn.Parameter) -> bool:
        """Return whether a weight is updated together with weights of other shapes."""
        return weight.is_cuda and _is_small(weight)

    def _step_together(self, weights: list[nn.Parameter], group: WeightGroup) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        buffers = [self._buffer(weight) for weight in weights]
        torch._foreach_lerp_(buffers, gradients, 1 - self.momentum)
        ahead = torch._foreach_lerp(gradients, buffers, self.momentum)
        matrices = [_wide(tensor.flatten(1)) for tensor in ahead]
        updates = orthogonalised(stacked(matrices)) * group.lr
        keep = 1 - group.lr * group.weight_decay
        for weight, matrix, padded in zip(weights, matrices, updates.unbind(), strict=True):
            rows, columns = weight.flatten(1).shape
            update = padded[: matrix.shape[0], : matrix.shape[1]]
            update = update.mT if rows > columns else update
            weight.mul_(keep).sub_(update.reshape(weight.shape), alpha=math.sqrt(max(1.0, rows / columns)))

    def _buffer(self, weight: nn.Parameter) -> Tensor:
        if weight not in self.buffers:
            self.buffers[weight] = torch.zeros_like(weight)
        return self.buffers[weight]


def _is_small(weight: Tensor) -> bool:
    return all(side <= most for side, most in zip(_wide(weight.flatten(1)).shape, SMALL, strict=True))


def _wide(matrix: Tensor) -> Tensor:
    return matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix


def stacked(matrices: list[Tensor]) -> Tensor:
    """Return matrices as one tensor N R C, padded with zeros to the largest R and C.

    The Newton-Schulz iteration keeps zeros and does not mix them into the rest.
    """
    shapes = {matrix.shape for matrix in matrices}
    if len(shapes) == 1:
        return torch.stack(matrices)
    rows, columns = (max(sides) for sides in zip(*shapes, strict=True))
    all_of_them = matrices[0].new_zeros(len(matrices), rows, columns)
    for place, matrix in zip(all_of_them, matrices, strict=True):
        place[: matrix.shape[0], : matrix.shape[1]] = matrix
    return all_of_them


def orthogonalised(matrices: Tensor) -> Tensor:
    """Return matrices N R C, float32, with the same singular vectors and singular values of about 0.7 to 1.2.

    On a GPU the products are computed in bfloat16. Zeros stay zeros.
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
