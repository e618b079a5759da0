"""Quantised networks: programs equal the network in real numbers, and integers are close to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.export.firmware.arena import placements
from space.core.errors import InvalidInputError
from space.firmware.coefficients import coefficients
from space.firmware.float_run import float_logits
from space.firmware.integer_run import integer_logits
from space.firmware.programs import program_of
from space.firmware.quantise import LOGIT_SCALE, quantise
from space.networks.grid_spec import GridSpec
from space.notation.parse import parse_notation
from tests.support.firmware import MEANS, STDS, device_networks, quantised
from tests.support.profiles import examples

SIDES = st.integers(1, 13)


@examples(60)
@given(spec=device_networks(), height=SIDES, width=SIDES)
def test_program_in_real_numbers_computes_the_network(spec: GridSpec, height: int, width: int) -> None:
    one = quantised(spec, (height, width), num_images=2)
    steps = coefficients(one.network.program, one.weights, one.mean, one.std)
    found = float_logits(steps, one.images)
    largest = max(1.0, float(np.abs(one.expected).max()))
    np.testing.assert_allclose(found, one.expected, atol=2e-4 * largest, rtol=0)


@pytest.mark.parametrize(
    "notation",
    [
        "MgNet[2,2]-[(8,6),(10,12)]-B^l",
        "MgNet[2,2]-8-A^{l,i}-B^{l,i}-interpolation=pool-restriction=pool",
        "MgNet[2,2]-8-B^l-smoother=linear",
        "MgNet[2,2]-8-B^l-smoother=quadratic",
        "MgNet[3,2]-8-B^l-smoother=two_step-interpolation=zero",
        "ResNet[2,2]-[8,12]",
        "PreActResNet[2,2]-[8,12]-block=bottleneck",
    ],
)
def test_integer_logits_are_close_to_the_real_ones(notation: str) -> None:
    spec = parse_notation(notation)
    assert isinstance(spec, GridSpec)
    one = quantised(spec, (8, 8), num_images=30)
    found = integer_logits(one.network, one.images) / LOGIT_SCALE
    spread = float(np.std(one.expected))
    assert np.sqrt(np.mean((found - one.expected) ** 2)) < 0.05 * spread


@examples(40)
@given(spec=device_networks(), height=SIDES, width=SIDES)
def test_living_tensors_have_their_own_bytes(spec: GridSpec, height: int, width: int) -> None:
    program = program_of(spec, (height, width))
    for step, place in zip(program.steps, placements(program), strict=True):
        writes = step.out.name if step.kind != "head" else None
        taken: dict[int, str] = {}
        for tensor, offset in place.offsets.items():
            is_output = tensor.name == writes
            assert offset + tensor.bytes <= program.arena_bytes
            for byte in range(offset, offset + tensor.bytes):
                other = taken.setdefault(byte, tensor.name)
                if other != tensor.name:  # only the output may lie over an operand, which it takes whole
                    operand = next(t for t in place.offsets if t.name == other)
                    assert is_output
                    assert operand in step.elementwise
                    assert place.offsets[operand] == offset


def test_padded_pixels_normalise_to_zero() -> None:
    spec = parse_notation("MgNet[1]-4-B^l")
    assert isinstance(spec, GridSpec)
    one = quantised(spec, (4, 4))
    assert one.network.steps[0].padding is not None
    assert one.network.steps[0].padding.tolist() == [51, 102, 204]


def test_constant_images_and_dead_channels_are_quantised() -> None:
    spec = parse_notation("MgNet[1]-4-B^l")
    assert isinstance(spec, GridSpec)
    one = quantised(spec, (4, 4))
    weights = one.weights | {name: 0 * one.weights[name] for name in ("stem.weight", "stem_norm.weight")}
    weights["stem_norm.bias"] = -np.ones(4, np.float32)
    network = quantise(program_of(spec, 4), weights, 0 * one.images, MEANS[:3], STDS[:3])
    assert np.ptp(integer_logits(network, one.images), axis=0).max() == 0


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    spec = parse_notation("MgNet[1]-4-B^l")
    assert isinstance(spec, GridSpec)
    one = quantised(spec, (4, 4))
    weights = one.weights | {"stem.weight": one.weights["stem.weight"] * np.nan}
    with pytest.raises(InvalidInputError, match=r"stem\.weight has a value that is not finite"):
        quantise(program_of(spec, 4), weights, one.images, MEANS[:3], STDS[:3])
