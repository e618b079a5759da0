"""Exports a network for a device before it is trained: its weights are random, which changes no latency."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from search.devices.config import DeviceFormat
from space.core.errors import InvalidInputError

NUM_CALIBRATION = 16


def check_can_export(formats: Iterable[DeviceFormat]) -> None:
    """Check that the packages for the formats are installed.

    Raises:
        InvalidInputError: One is missing.
    """
    from results.export.formats import missing_packages

    for kind in formats:
        if kind == "onnx" and (missing := missing_packages(kind)):
            raise InvalidInputError(
                f"a device with the format {kind} needs {', '.join(missing)}: pip install 'mgnas[export]'"
            )


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
    from results.export.source import Source
    from space.networks.load import load_spec

    network = load_spec(spec)
    with tempfile.TemporaryDirectory() as place:
        source = Source(network, _random_weights(spec, image_size, Path(place)))
        if kind == "onnx":
            from results.export.onnx_file import write_onnx

            write_onnx(source, folder)
            return folder / "model.onnx"
        _write_c(source, image_size, folder)
        return folder


def _random_weights(spec: dict[str, Any], image_size: tuple[int, int], folder: Path) -> Path:
    import torch

    from space.modules import build
    from space.modules.weights import save_weights
    from space.networks.load import load_spec
    from space.networks.weights_file import Trained

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


def _write_c(source: Any, image_size: tuple[int, int], folder: Path) -> None:
    """Write net.c, net.h, main.c and an image for it."""
    import numpy as np

    from results.export.firmware.c_source import example_source, fixed_source, header_source, net_source
    from results.export.firmware.write import quantised_network
    from space.firmware.integer_run import integer_logits
    from space.firmware.programs import why_no_program

    if (why := why_no_program(source.spec)) is not None:
        raise InvalidInputError(f"the format c does not support it: {why}")
    shape = (NUM_CALIBRATION, *image_size, source.spec.in_channels)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    network = quantised_network(source, images)
    trained, title = source.trained, f"{source.spec.notation}, not trained"
    macs = source.spec.macs(image_size)
    colour = "RGB" if source.spec.in_channels == 3 else "grey"
    logits = integer_logits(network, images[:1])
    files = {
        "net.c": net_source(network, title),
        "net.h": header_source(network, title, trained.classes, macs, colour),
        "example.h": example_source(images[0], logits[0], "a random image"),
        "main.c": fixed_source("main.c"),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
