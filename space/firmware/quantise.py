"""Quantisation after training: the integers of each step, from the ranges of tensors on calibration images.

A tensor is q * s with 8-bit q and one scale s. Unsigned tensors use 0..255, signed ones -127..127. Weights have one
scale for each output channel. Batch norms are folded into the multipliers, so shared weights are stored once.

An integer step computes for each channel c and pixel, in 64 bits, with the shift S of the step:

    t = a_c * op(source) + e_c * y + b_c * 2^k
    out = clamp(floor((sigma(t) + sum of m_j * z_j + 2^(S-1)) / 2^S))

a, e, b and m are 32-bit integers. S is the largest shift for which they and all sums fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from space.core.errors import InvalidInputError
from space.firmware.coefficients import Coefficients, Floats, Weights, coefficients
from space.firmware.float_run import ranges
from space.firmware.program import Program, Step

UNSIGNED_MAX, SIGNED_MAX = 255, 127
WEIGHT_MAX = 127
LOGIT_SCALE = 256
"""Logits are integers in units of 1 / 256."""
WINDOW_SCALE = 36
"""Sums of 3x3 windows at borders have 1, 2, 3, 4, 6 or 9 pixels; 36 is a multiple of each."""
MOST_SHIFT = 31
LARGEST = 2**31 - 1
MOST_TOTAL = 2**62
NUM_CALIBRATION = 200
"""Training images that determine the scales."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class IntegerStep:
    """The integers of one step; see the module.

    Attributes:
        step: The step.
        weights: int8 O kernel kernel C/groups; None without an operator.
        multipliers: a; None for a step without op, and for poolings without a batch norm. ``mean`` has one.
        factors: e; None without y.
        biases: b; None without a bias.
        bias_shift: k.
        added: m, one for each added tensor.
        shift: S; 0 for a step that keeps the scale of its input.
        is_negative: Whether sigma keeps the negative values.
        padding: uint8 values outside the image; None for zeros.
    """

    step: Step
    weights: NDArray[np.int8] | None = None
    multipliers: Ints | None = None
    factors: Ints | None = None
    biases: Ints | None = None
    bias_shift: int = 0
    added: tuple[int, ...] = ()
    shift: int = 0
    is_negative: bool = False
    padding: NDArray[np.uint8] | None = None

    @property
    def keeps_scale(self) -> bool:
        """Whether the step only selects or averages."""
        return self.shift == 0


@dataclass(frozen=True)
class IntegerNetwork:
    """A quantised network.

    Attributes:
        program: Its program.
        steps: The integers of each step.
        scales: The scale of each tensor by name.
    """

    program: Program
    steps: tuple[IntegerStep, ...]
    scales: dict[str, float]


def quantise(
    program: Program,
    weights: Weights,
    images: NDArray[np.uint8],
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> IntegerNetwork:
    """Return the quantised network.

    Args:
        program: The program of the network.
        weights: The state dict.
        images: Calibration images, uint8 N H W C; see ``calibration_rows``.
        mean: Mean of each channel of pixels scaled to 0..1.
        std: Standard deviation of each channel.

    Raises:
        InvalidInputError: A weight is not finite, or a sum exceeds 62 bits.
    """
    for name, values in weights.items():
        if not np.isfinite(values).all():
            raise InvalidInputError(
                f"{name} has a value that is not finite, so the network cannot be quantised"
            )
    steps = coefficients(program, weights, mean, std)
    scales = scales_of(program, ranges(steps, images))
    return IntegerNetwork(program, tuple(_integer_step(one, scales) for one in steps), scales)


def calibration_rows(num_images: int) -> NDArray[np.int64]:
    """Return the rows of the calibration images in a training split of ``num_images``, evenly spread."""
    return np.linspace(0, num_images - 1, min(NUM_CALIBRATION, num_images)).astype(np.int64)


def scales_of(program: Program, largest: Mapping[str, float]) -> dict[str, float]:
    """Return the scale of each tensor from its largest absolute value."""
    scales = {program.image.name: 1.0}
    for step in program.steps:
        name = step.out.name
        most = SIGNED_MAX if step.out.is_signed else UNSIGNED_MAX
        scales[name] = largest[name] / most if largest[name] > 0 else 1.0
        if step.source is not None and _keeps_scale(step):
            scales[name] = scales[step.source.name]
    scales[program.steps[-1].out.name] = 1 / LOGIT_SCALE
    return scales


def _keeps_scale(step: Step) -> bool:
    return step.kind == "max" or (step.kind == "average" and not step.norm)


def _integer_step(one: Coefficients, scales: Mapping[str, float]) -> IntegerStep:
    """Return the integers of one step with the largest shift that fits."""
    step = one.step
    if _keeps_scale(step):
        return IntegerStep(step)
    out = scales[step.out.name]
    weights, multipliers, sums = None, None, np.zeros(step.out.channels)
    if step.source is not None:
        weights, scale, sums = _op_scale(one)
        if sums.max() * UNSIGNED_MAX > LARGEST:
            raise InvalidInputError(
                f"a sum of {step.out.name} exceeds 32 bits, so the network cannot be quantised"
            )
        multipliers = one.multipliers * scale * scales[step.source.name] / out
    factors = one.factors * scales[step.y.name] / out if step.y is not None else None
    biases = one.biases / out if step.has_biases else None
    added = [factor * scales[add.tensor.name] / out for add, factor in zip(step.adds, one.added, strict=True)]
    if multipliers is not None and step.kind == "mean":
        multipliers = multipliers[:1]
    for shift in range(MOST_SHIFT, 0, -1):
        found = _rounded(one, weights, multipliers, factors, biases, added, shift)
        if found is not None and _most(found, sums) < MOST_TOTAL:
            return found
    raise InvalidInputError(
        f"the factors of {step.out.name} exceed 32 bits, so the network cannot be quantised"
    )


def _op_scale(one: Coefficients) -> tuple[NDArray[np.int8] | None, Floats, Floats]:
    """Return the integer weights of an op, its scale, and the largest sum of absolute weights, by channel."""
    step = one.step
    if one.weights is not None:
        weights, scale = _quantised_weights(one.weights)
        return weights, scale, np.abs(weights.astype(np.float64)).sum(axis=(1, 2, 3))
    if step.kind == "average":
        number = WINDOW_SCALE
    else:
        assert step.source is not None
        number = step.source.size[0] * step.source.size[1]
    ones = np.ones(step.out.channels)
    return None, ones / number, ones * number


def _quantised_weights(weights: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return int8 weights and the scale of each output channel."""
    largest = np.abs(weights).max(axis=(1, 2, 3))
    scale = np.where(largest > 0, largest / WEIGHT_MAX, 1.0)
    quantised = np.rint(weights / scale[:, None, None, None])
    return np.clip(quantised, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8), scale


def _rounded(
    one: Coefficients,
    weights: NDArray[np.int8] | None,
    multipliers: Floats | None,
    factors: Floats | None,
    biases: Floats | None,
    added: list[float],
    shift: int,
) -> IntegerStep | None:
    """Return the step with real factors times 2^shift, rounded; None if one exceeds 32 bits."""
    a, e = _times(multipliers, 2.0**shift), _times(factors, 2.0**shift)
    m = _times(np.array(added), 2.0**shift)
    assert m is not None
    if any(table is not None and np.abs(table).max(initial=0) > LARGEST for table in (a, e, m)):
        return None
    bias_shift, b = 0, _times(biases, 2.0**shift)
    while b is not None and np.abs(b).max(initial=0) > LARGEST:
        bias_shift += 1
        b = _times(biases, 2.0 ** (shift - bias_shift))
    values = tuple(int(value) for value in m)
    return IntegerStep(one.step, weights, a, e, b, bias_shift, values, shift, one.is_negative, one.padding)


def _times(values: Floats | None, factor: float) -> Ints | None:
    if values is None:
        return None
    return np.clip(np.rint(values * factor), -(2.0**62), 2.0**62).astype(np.int64)


def _most(one: IntegerStep, sums: Floats) -> float:
    """Return a bound of the absolute value of the 64-bit sums."""
    total = np.full(one.step.out.channels, 2.0**one.shift)
    if one.multipliers is not None:
        total = total + np.abs(one.multipliers) * sums * UNSIGNED_MAX
    if one.factors is not None:
        total = total + np.abs(one.factors) * float(UNSIGNED_MAX)
    if one.biases is not None:
        total = total + np.abs(one.biases) * 2.0**one.bias_shift
    return float(total.max() + sum(abs(m) for m in one.added) * UNSIGNED_MAX)
