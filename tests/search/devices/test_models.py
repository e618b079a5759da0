"""Networks exported before their training: each format can be run."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from search.devices.config import DeviceFormat
from search.devices.models import FILES, write_model
from tests.support.stripes import SPEC


@pytest.mark.slow
@pytest.mark.parametrize("kind", get_args(DeviceFormat))
def test_network_is_exported_without_training(tmp_path: Path, kind: DeviceFormat) -> None:
    model = write_model(SPEC.to_dict(), (6, 7), kind, tmp_path)
    assert model == tmp_path / FILES[kind]
    images = np.zeros((3, SPEC.in_channels, 6, 7), np.float32)
    if kind == "c":
        assert {"net.c", "net.h", "main.c"} <= {file.name for file in model.iterdir()}
    elif kind == "pt2":
        import torch

        assert torch.export.load(model).module()(torch.from_numpy(images)).shape == (3, SPEC.num_classes)
    else:
        import onnxruntime

        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        assert session.run(None, {"images": images})[0].shape == (3, SPEC.num_classes)
