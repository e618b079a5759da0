"""Networks with fake quantisation compute what their integers do, and every parameter has a gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from space.firmware.integer_run import integer_logits
from space.firmware.quantise import LOGIT_SCALE
from space.modules.fake_quantised import FakeQuantised
from space.networks.grid_spec import GridSpec
from space.notation.parse import parse_notation
from tests.support.firmware import Quantised, device_networks, quantised, random_network
from tests.support.profiles import examples

SIDES = st.integers(3, 13)


def fake_quantised(one: Quantised) -> tuple[FakeQuantised, torch.Tensor]:
    """Return the network of a quantised one with fake quantisation, and its normalised images."""
    std = torch.tensor(one.std)
    module = FakeQuantised(random_network(one.spec), one.network.program, one.network.scales, std)
    images = torch.from_numpy(one.images).permute(0, 3, 1, 2) / 255
    shape = (1, -1, 1, 1)
    return module.eval(), (images - torch.tensor(one.mean).reshape(shape)) / std.reshape(shape)


@examples(40)
@given(spec=device_networks(), height=SIDES, width=SIDES)
def test_logits_are_close_to_those_of_the_integers(spec: GridSpec, height: int, width: int) -> None:
    one = quantised(spec, (height, width), num_images=8)
    module, images = fake_quantised(one)
    with torch.no_grad():
        found = module(images).numpy()
    expected = integer_logits(one.network, one.images) / LOGIT_SCALE
    # float32 and float64 round few values to different integers
    largest = max(1.0, float(np.abs(expected).max()))
    assert np.median(np.abs(found - expected)) < 0.02 * largest


@pytest.mark.parametrize(
    "notation",
    [
        "MgNet[2,2]-[(8,6),(10,12)]-B^l",
        "MgNet[2,2]-8-B^l-smoother=linear",
        "MgNet[2,2]-8-B^l-smoother=quadratic",
        "MgNet[3,2]-8-B^l-smoother=two_step",
        "ResNet[2,2]-[8,12]",
        "PreActResNet[2,2]-[8,12]-block=bottleneck",
    ],
)
def test_all_used_parameters_have_gradients(notation: str) -> None:
    spec = parse_notation(notation)
    assert isinstance(spec, GridSpec)
    module, images = fake_quantised(quantised(spec, (8, 8), num_images=8))
    module(images).square().sum().backward()
    missing = [name for name, one in module.network.named_parameters() if one.grad is None]
    assert missing == []
    zero = [name for name, one in module.network.named_parameters() if one.ndim > 1 and not one.grad.any()]
    assert zero == []
