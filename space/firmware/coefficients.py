"""The real coefficients of each step, with batch norms and the normalisation of images folded in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from space.firmware.program import Factor, Program, Step

EPSILON = 1e-5
"""The epsilon of the batch norms."""
PIXEL = 255.0
Floats = NDArray[np.float64]
Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Coefficients:
    """One step in real numbers: out = sigma(multiplier * op(source) + factor * y + bias) + sum of added tensors.

    Attributes:
        step: The step.
        weights: O kernel kernel C/groups; None without an operator.
        multipliers: For each channel.
        factors: For each channel, of y.
        biases: For each channel.
        added: The factor of each added tensor.
        is_negative: Whether sigma keeps the negative values: the factor of sigma is negative.
        padding: Values outside the image, which normalise to zero; None for zeros.
    """

    step: Step
    weights: Floats | None
    multipliers: Floats
    factors: Floats
    biases: Floats
    added: tuple[float, ...]
    is_negative: bool
    padding: NDArray[np.uint8] | None = None


def coefficients(
    program: Program, weights: Weights, mean: tuple[float, ...], std: tuple[float, ...]
) -> list[Coefficients]:
    """Return the coefficients of each step.

    Args:
        program: The program of the network.
        weights: The state dict.
        mean: Mean of each channel of pixels scaled to 0..1.
        std: Standard deviation of each channel.
    """
    found = [_of_step(step, weights) for step in program.steps]
    return [_normalised(one, mean, std) if one.step.is_image else one for one in found]


def _of_step(step: Step, weights: Weights) -> Coefficients:
    channels = step.out.channels
    gain, shift = np.ones(channels), np.zeros(channels)
    if step.norm:
        gamma, beta, mean, variance = (
            weights[f"{step.norm}.{name}"].astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        gain = gamma / np.sqrt(variance + EPSILON)
        shift = beta - gain * mean
    scale = factor_value(step.scale, weights)
    operator = None
    if step.operator is not None:
        stored = weights[step.operator.key].astype(np.float64)
        kernels = stored.reshape(*stored.shape[:2], step.operator.kernel, step.operator.kernel)
        operator = kernels.transpose(0, 2, 3, 1)
    if step.kind == "head":
        shift = weights["head.bias"].astype(np.float64)
    return Coefficients(
        step=step,
        weights=operator,
        multipliers=scale * gain * factor_value(step.product, weights),
        factors=scale * gain * factor_value(step.factor, weights),
        biases=scale * shift,
        added=tuple(factor_value(added.factor, weights) for added in step.adds),
        is_negative=scale < 0,
    )


def _normalised(one: Coefficients, mean: tuple[float, ...], std: tuple[float, ...]) -> Coefficients:
    """Return the stem for pixels 0..255.

    (p / 255 - mean) / std is linear: 1 / (255 std) goes into the weights, the mean into the bias. Outside the image
    the normalised value is 0, so p = 255 mean, rounded to a pixel.
    """
    assert one.weights is not None
    means = PIXEL * np.array(mean)
    weights = one.weights / (PIXEL * np.array(std))
    biases = one.biases - one.multipliers * (weights * means).sum(axis=(1, 2, 3))
    padding = np.clip(np.rint(means), 0, PIXEL).astype(np.uint8)
    return Coefficients(
        one.step, weights, one.multipliers, one.factors, biases, one.added, one.is_negative, padding
    )


def factor_value(factor: Factor, weights: Weights) -> float:
    """Return the value of a factor."""
    kind = factor.kind
    if kind in ("one", "minus_one"):
        return 1.0 if kind == "one" else -1.0
    if kind.startswith("chebyshev"):
        from space.modules.smoothers import chebyshev_weights

        omega = chebyshev_weights(factor.number + 1)[factor.number]
        return omega if kind == "chebyshev" else 1 - omega
    values = weights[factor.key].astype(np.float64)
    if kind == "alpha":
        return float(values[0])
    if kind in ("omega", "rest"):
        omega = float(values[factor.number])
        return omega if kind == "omega" else 1 - omega
    re, im = float(values[0]), float(values[1])
    scale = 1 / (re**2 + im**2)
    return -scale if kind == "quadratic_a" else 2 * re * scale
