"""Quantised networks in torch equal the NumPy reference, which equals the C code."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from space.firmware.integer_run import integer_logits
from space.modules import integers
from space.modules.integers import IntegerModule
from space.networks.grid_spec import GridSpec
from space.notation.parse import parse_notation
from tests.support.firmware import device_networks, quantised
from tests.support.profiles import examples

SIDES = st.integers(1, 13)


@examples(60)
@given(spec=device_networks(), height=SIDES, width=SIDES)
def test_logits_equal_those_of_numpy(spec: GridSpec, height: int, width: int) -> None:
    one = quantised(spec, (height, width), num_images=3)
    found = IntegerModule(one.network).logits(torch.from_numpy(one.images))
    np.testing.assert_array_equal(found.numpy(), integer_logits(one.network, one.images))


def test_logits_do_not_depend_on_the_precision_of_products(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = parse_notation("MgNet[2,2]-[(8,6),(10,12)]-B^l")
    assert isinstance(spec, GridSpec)
    one = quantised(spec, (8, 8), num_images=5)
    images = torch.from_numpy(one.images)
    single = IntegerModule(one.network).logits(images)
    monkeypatch.setattr(integers, "EXACT_IN_FLOAT32", 0)
    assert torch.equal(IntegerModule(one.network).logits(images), single)


def test_logits_do_not_depend_on_the_batch() -> None:
    spec = parse_notation("MgNet[2,1]-8-B^l")
    assert isinstance(spec, GridSpec)
    one = quantised(spec, (8, 8), num_images=7)
    images, module = torch.from_numpy(one.images), IntegerModule(one.network)
    together = module.logits(images)
    module.batch_size = 2
    assert torch.equal(module.logits(images), together)


@pytest.mark.gpu
def test_logits_of_a_gpu_equal_those_of_numpy() -> None:
    spec = parse_notation("MgNet[2,2]-[(8,6),(10,12)]-B^l")
    assert isinstance(spec, GridSpec)
    one = quantised(spec, (16, 16), num_images=50)
    found = IntegerModule(one.network, "cuda").logits(torch.from_numpy(one.images).cuda())
    np.testing.assert_array_equal(found.cpu().numpy(), integer_logits(one.network, one.images))
