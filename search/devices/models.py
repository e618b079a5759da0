"""Exports a network for a device before it is trained: its weights are random, which changes no latency."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.devices.config import DeviceFormat
from space.core.errors import InvalidInputError
from space.networks.load import load_spec
from space.networks.weights_file import Trained

if TYPE_CHECKING:
    from results.export.sample import Sample

FILES: dict[DeviceFormat, str] = {
    "onnx": "model.onnx",
    "onnx-int8": "model.int8.onnx",
    "pt2": "model.pt2",
    "c": "firmware",
}
"""The file of each format, or its folder."""


def check_can_export(formats: Iterable[DeviceFormat]) -> None:
    """Check that the packages for the formats are installed.

    Raises:
        InvalidInputError: One is missing.
    """
    from results.export.formats import INSTALL, missing_packages

    for kind in formats:
        if missing := missing_packages(kind):
            raise InvalidInputError(f"a device with the format {kind} needs {', '.join(missing)}: {INSTALL}")


def write_model(spec: dict[str, Any], image_size: tuple[int, int], kind: DeviceFormat, folder: Path) -> Path:
    """Write a network with random weights, and return its file or folder.

    Args:
        spec: The network as plain data.
        image_size: Height and width in pixels.
        kind: The format.
        folder: An empty folder.

    Raises:
        MgnasError: The network cannot be exported in this format.
    """
    from results.export.formats import FORMATS
    from results.export.sample import random_sample
    from results.export.source import Source

    def images(trained: Trained) -> Sample:
        sample = random_sample(trained, "the network is not trained")
        return replace(sample, calibration=sample.images)

    with tempfile.TemporaryDirectory() as place:
        weights = _random_weights(spec, image_size, Path(place))
        source = Source(load_spec(spec), weights, load_sample=images)
        for part in (*FORMATS[kind].brings, kind):
            FORMATS[part].write(source, folder)
    return folder / FILES[kind]


def _random_weights(spec: dict[str, Any], image_size: tuple[int, int], folder: Path) -> Path:
    import torch

    from space.modules import build
    from space.modules.weights import save_weights

    network = load_spec(spec)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    trained = Trained(
        spec=spec,
        mean=(0.5,) * network.in_channels,
        std=(0.25,) * network.in_channels,
        image_size=image_size,
        classes=tuple(str(index) for index in range(network.num_classes)),
        data="random images",
        seed=0,
        epochs=0,
        val_accuracy=0.0,
    )
    return save_weights(folder / "weights.safetensors", build(network).eval(), trained)
