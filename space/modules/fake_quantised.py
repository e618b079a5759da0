"""A network with fake quantisation: the integer scheme of its int8 code, in real numbers with gradients."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from space.firmware.coefficients import EPSILON
from space.firmware.program import Factor, Program, Step
from space.firmware.quantise import SIGNED_MAX, UNSIGNED_MAX, WEIGHT_MAX
from space.modules.smoothers import chebyshev_weights


class FakeQuantised(nn.Module):
    """Computes a program on normalised images, and rounds weights and tensors to the values that integers have.

    Rounding has the gradient of the identity (straight-through estimator; Bengio et al. 2013, arXiv 1308.3432); a
    clamped value has none. Batch norms use their running statistics, which stay.

    Args:
        network: The network. Its parameters are trained.
        program: Its program.
        scales: The scale of each tensor by name.
        std: Standard deviation of each channel of pixels scaled to 0..1.
        dropout: The fraction of the pooled features that are dropped in training mode.
    """

    def __init__(
        self,
        network: nn.Module,
        program: Program,
        scales: Mapping[str, float],
        std: Tensor,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.network = network
        self.scales = scales
        self._program = program
        self._std = std.reshape(1, -1, 1, 1)
        self._dropout = dropout

    def forward(self, images: Tensor) -> Tensor:
        """Return logits N K for normalised images N C H W."""
        weights = dict(self.network.named_parameters()) | dict(self.network.named_buffers())
        values = {self._program.image.name: images}
        for step in self._program.steps:
            values[step.out.name] = self._step(step, values, weights)
        return values[self._program.steps[-1].out.name].flatten(1)

    def _step(self, step: Step, values: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Tensor:
        """Return the output of one step, N C H W; ``space.firmware.program`` has the equations."""
        total = torch.zeros(())
        if step.source is not None:
            found = self._op(step, values[step.source.name], weights)
            if step.kind == "max" or (step.kind == "average" and not step.norm):
                return self._rounded(step, found)
            total = _value(step.product, weights) * found
        if step.y is not None:
            total = total + _value(step.factor, weights) * values[step.y.name]
        if step.norm:
            total = _normed(total, step.norm, weights)
        if step.kind == "head":
            return total + weights["head.bias"].reshape(1, -1, 1, 1)
        if step.is_relu:
            total = F.relu(total)
        total = _value(step.scale, weights) * total
        for added in step.adds:
            total = total + _value(added.factor, weights) * values[added.tensor.name]
        return self._rounded(step, total)

    def _rounded(self, step: Step, values: Tensor) -> Tensor:
        low, high = (-SIGNED_MAX, SIGNED_MAX) if step.out.is_signed else (0, UNSIGNED_MAX)
        scale = self.scales[step.out.name]
        return _straight_through((values / scale).clamp(low, high)) * scale

    def _op(self, step: Step, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Return the result of the step's op."""
        if step.operator is not None:
            operator = step.operator
            stored = weights[operator.key]
            kernels = stored.reshape(*stored.shape[:2], operator.kernel, operator.kernel)
            unit = self._std if step.is_image else 1.0  # the code has weights for pixels
            kernels = _rounded_weights(kernels / unit) * unit
            if step.kind == "head" and self._dropout:
                x = F.dropout(x, self._dropout, self.training)
            return F.conv2d(x, kernels, None, step.stride, operator.kernel // 2, groups=operator.groups)
        if step.kind == "mean":
            return x.mean(dim=(2, 3), keepdim=True)
        if step.kind == "max":
            return F.max_pool2d(x, 3, stride=2, padding=1)
        return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


def _straight_through(values: Tensor) -> Tensor:
    """Return rounded values with the gradient of the identity."""
    return values + (values.round() - values).detach()


def _rounded_weights(kernels: Tensor) -> Tensor:
    """Return weights O I k k as int8 with one scale for each output channel represents them."""
    largest = kernels.detach().abs().amax(dim=(1, 2, 3), keepdim=True)
    scale = torch.where(largest > 0, largest / WEIGHT_MAX, 1.0)
    return _straight_through(kernels / scale) * scale


def _normed(values: Tensor, norm: str, weights: Mapping[str, Tensor]) -> Tensor:
    """Return the batch norm of values with running statistics."""
    mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
    return F.batch_norm(
        values, mean, variance, weights[f"{norm}.weight"], weights[f"{norm}.bias"], eps=EPSILON
    )


def _value(factor: Factor, weights: Mapping[str, Tensor]) -> Tensor | float:
    """Return the value of a factor; see ``Factor``."""
    kind = factor.kind
    if kind in ("one", "minus_one"):
        return 1.0 if kind == "one" else -1.0
    if kind.startswith("chebyshev"):
        omega = chebyshev_weights(factor.number + 1)[factor.number]
        return omega if kind == "chebyshev" else 1 - omega
    values = weights[factor.key]
    if kind == "alpha":
        return values[0]
    if kind in ("omega", "rest"):
        return values[factor.number] if kind == "omega" else 1 - values[factor.number]
    scale = 1 / (values[0] ** 2 + values[1] ** 2)
    return -scale if kind == "quadratic_a" else 2 * values[0] * scale
