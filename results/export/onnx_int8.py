"""``model.int8.onnx``: the ONNX model with 8-bit weights and activations, by onnxruntime's static quantisation."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.export.onnx_file import ONNX_FILE, converting, quiet
from results.export.proof import Proofs
from results.export.source import Source
from space.core.errors import InvalidInputError

INT8_FILE = "model.int8.onnx"
MOST_LOST = 0.005
"""Loss of accuracy without a warning."""
QUANTISED = ("Conv", "Gemm", "MatMul")
"""The operators with 8-bit inputs and outputs. More of them make files larger, and networks neither faster nor better
(docs/experiments/onnx-int8.md). Batch norms stay float: each iteration of a shared convolution has its own."""


def write_onnx_int8(source: Source, folder: Path) -> None:
    """Write model.int8.onnx from model.onnx, with the same input, output and metadata.

    Each output channel of a weight has a scale, each activation a scale and a zero point from its extrema on training
    images. Weights that iterations share are stored once. Weights have 7 bits (``reduce_range``): the products of two
    8-bit pairs exceed the 16-bit sums of CPUs without VNNI.

    Raises:
        InvalidInputError: The study's images are not available.
        ExportError: The conversion failed.
    """
    sample = source.sample
    if sample.calibration is None:
        raise InvalidInputError(
            f"the format onnx-int8 needs training images of the study to choose its scales, but {sample.note}"
        )
    with quiet(), converting(INT8_FILE), tempfile.TemporaryDirectory(prefix="mgnas-int8-") as scratch:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_static

        written = Path(scratch) / INT8_FILE
        quantize_static(
            folder / ONNX_FILE,
            written,
            _reader(sample.calibration),
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        model = onnx.load(written)
        onnx.checker.check_model(model, full_check=True)
        (folder / INT8_FILE).write_bytes(model.SerializeToString(deterministic=True))


def _reader(images: NDArray[np.uint8]) -> Any:
    """Return the images, uint8 N H W C, as onnxruntime reads them for calibration: one after the other."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.images: Iterator[NDArray[np.uint8]] = iter(images)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            image = next(self.images, None)
            if image is None:
                return None
            pixels = image.transpose(2, 0, 1)[None].astype(np.float32)
            return {"images": np.ascontiguousarray(pixels) / np.float32(255)}

    return Reader()


def int8_line(folder: Path, proofs: Proofs) -> str:
    """Return size and accuracy of model.int8.onnx beside those of model.onnx."""
    size, float_size = _sizes(folder)
    text = f"{size / 1000:,.1f} kB (float: {float_size / 1000:,.1f} kB)"
    accuracy = proofs.formats["onnx-int8"].accuracy
    if accuracy is not None and proofs.accuracy is not None:
        text += f", accuracy {100 * accuracy:.2f} % (float: {100 * proofs.accuracy:.2f} %)"
    return text


def int8_warnings(folder: Path, proofs: Proofs) -> list[str]:
    """Return what speaks against model.int8.onnx: it is larger than model.onnx, or loses accuracy."""
    found = []
    size, float_size = _sizes(folder)
    if size > float_size:
        found.append(
            f"{INT8_FILE} is larger than {ONNX_FILE}: scales and zero points take more than 8-bit weights save; "
            f"use {ONNX_FILE}"
        )
    accuracy = proofs.formats["onnx-int8"].accuracy
    if accuracy is None or proofs.accuracy is None:
        return found
    lost = round(proofs.accuracy - accuracy, 9)
    if lost > MOST_LOST:
        found.append(
            f"{INT8_FILE} loses {100 * lost:.2f} points of accuracy on the "
            f"{proofs.images}; {ONNX_FILE} loses none"
        )
    return found


def _sizes(folder: Path) -> tuple[int, int]:
    return (folder / INT8_FILE).stat().st_size, (folder / ONNX_FILE).stat().st_size
