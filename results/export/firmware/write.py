"""The export format ``c``: a folder with int8 C99 code, quantised, checked and described."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from results.export.firmware.c_source import example_source, fixed_source, header_source, net_source
from results.export.firmware.compile import run_compiled
from results.export.firmware.readme import readme
from results.export.preprocessing import Preprocessing
from results.export.source import ExportError, Source
from space.core.errors import InvalidInputError
from space.firmware.integer_run import integer_logits
from space.firmware.programs import program_of
from space.firmware.quantise import IntegerNetwork, quantise

FOLDER = "firmware"
FIGURES = "figures.json"
BATCH_SIZE = 64


@dataclass(frozen=True)
class FirmwareFigures:
    """What is known about the C code of a network; accuracies are from 0 to 1.

    Attributes:
        flash_bytes: Constants, without code.
        sram_bytes: Static memory.
        macs: Multiply-accumulates of one image.
        accuracy: Accuracy of the integers.
        float_accuracy: Accuracy of the trained network, on the same images.
        agreement: Share of the images with the same predicted class.
        images: What the images are.
        num_images: Number of images.
        num_calibration: Number of training images that determined the scales.
        compiler: The compiler whose program gave the same logits on all images; empty without one.
        not_compiled: Why the code was not compiled; empty if it was.
    """

    flash_bytes: int
    sram_bytes: int
    macs: int
    accuracy: float | None
    float_accuracy: float | None
    agreement: float
    images: str
    num_images: int
    num_calibration: int
    compiler: str
    not_compiled: str

    @property
    def points(self) -> float:
        """The accuracy of the integers minus that of the trained network, in percentage points; 0 if unknown."""
        if self.accuracy is None or self.float_accuracy is None:
            return 0.0
        return 100 * (self.accuracy - self.float_accuracy)

    @property
    def text(self) -> str:
        """One line for a terminal."""
        accuracy = ""
        if self.accuracy is not None and self.float_accuracy is not None:
            accuracy = (
                f"int8 accuracy {100 * self.accuracy:.2f} % ({100 * self.float_accuracy:.2f} % before), "
            )
        checked = f"equal when compiled ({self.compiler})" if self.compiler else self.not_compiled
        return (
            f"{100 * self.agreement:.2f} % of the classes agree, {accuracy}"
            f"{self.flash_bytes / 1024:.2f} KiB of flash without code, {self.sram_bytes / 1024:.2f} KiB of SRAM; "
            f"{checked}"
        )


def read_figures(export: Path) -> FirmwareFigures:
    """Return the figures of the C code in an export."""
    return FirmwareFigures(**json.loads((export / FOLDER / FIGURES).read_text(encoding="utf-8")))


def write_c(source: Source, folder: Path) -> None:
    """Write the folder ``firmware``: net.c, net.h, an example with main.c and firmware.ino, README.md, figures.json.

    Raises:
        InvalidInputError: The network has no int8 code, or the study's images are not available.
        ExportError: The compiled code gives other logits than the numpy reference.
    """
    trained, sample = source.trained, source.sample
    if sample.calibration is None:
        raise InvalidInputError(
            f"the format c needs training images of the study to choose its scales, but {sample.note}"
        )
    network = quantised_network(source, sample.calibration)
    logits = integer_logits(network, sample.images)
    macs = source.spec.macs(trained.image_size)
    title = f"{source.spec.notation}, trained on {trained.data}"
    colour = Preprocessing.of(trained).colour
    code = {
        "net.c": net_source(network, title),
        "net.h": header_source(network, title, trained.classes, macs, colour),
    }
    compiled = run_compiled(code, sample.images, len(trained.classes))
    if compiled.logits is not None and not np.array_equal(compiled.logits, logits):
        raise ExportError(
            f"the C code compiled by {compiled.compiler} gives other logits; nothing was exported"
        )
    expected = trained_logits(source, sample.images)
    figures = FirmwareFigures(
        flash_bytes=network.program.flash_bytes,
        sram_bytes=network.program.sram_bytes,
        macs=macs,
        accuracy=sample.accuracy(logits),
        float_accuracy=sample.accuracy(expected),
        agreement=float((logits.argmax(axis=1) == expected.argmax(axis=1)).mean()),
        images=sample.origin,
        num_images=len(sample),
        num_calibration=len(sample.calibration),
        compiler=compiled.compiler,
        not_compiled=compiled.problem,
    )
    files = code | {
        "example.h": example_source(sample.images[0], logits[0], f"the first of the {sample.origin}"),
        "main.c": fixed_source("main.c"),
        "firmware.ino": fixed_source("firmware.ino"),
        "README.md": readme(trained, figures_table(figures), source.spec.notation),
        FIGURES: json.dumps(asdict(figures), indent=2) + "\n",
    }
    (folder / FOLDER).mkdir()
    for name, text in files.items():
        (folder / FOLDER / name).write_text(text, encoding="utf-8")


def quantised_network(source: Source, images: NDArray[np.uint8]) -> IntegerNetwork:
    """Return a trained network in integers.

    Args:
        source: The network with its weights.
        images: Training images that determine the scales, N H W C.

    Raises:
        InvalidInputError: The network has no int8 code.
    """
    trained = source.trained
    program = program_of(source.spec, trained.image_size)
    weights = {name: tensor.numpy() for name, tensor in source.classifier.network.state_dict().items()}
    return quantise(program, weights, images, trained.mean, trained.std)


def figures_table(figures: FirmwareFigures) -> str:
    """Return the figures as a table in Markdown."""
    images = f"{figures.num_images:,} {figures.images}"
    rows = {
        "flash: weights and tables": f"{figures.flash_bytes:,} bytes (`NET_FLASH_BYTES`)",
        "flash: code": "about 3 to 7 KiB, by compiler and options",
        "SRAM: arena and patch": f"{figures.sram_bytes:,} bytes (`NET_SRAM_BYTES`)",
        "multiply-accumulates of one image": f"{figures.macs:,}",
        "same class as the trained network": f"{100 * figures.agreement:.2f} % of {images}",
        "calibration": f"largest values on {figures.num_calibration} training images",
        "compiled and compared": figures.compiler or f"no: {figures.not_compiled}",
    }
    if figures.accuracy is not None and figures.float_accuracy is not None:
        rows["accuracy, int8"] = f"{100 * figures.accuracy:.2f} % of {images}"
        rows["accuracy, float"] = f"{100 * figures.float_accuracy:.2f} % of the same images"
    lines = "\n".join(f"| {left} | {right} |" for left, right in rows.items())
    return f"| figure | value |\n| --- | --- |\n{lines}"


def trained_logits(source: Source, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the logits of the trained network, without the mirror images of ``test_flip``."""
    import torch

    classifier, found = source.classifier, []
    with torch.inference_mode():
        for begin in range(0, len(images), BATCH_SIZE):
            batch = torch.from_numpy(images[begin : begin + BATCH_SIZE]).permute(0, 3, 1, 2).contiguous()
            normalised = (batch.float() / 255 - classifier.mean) / classifier.std
            found.append(classifier.network(normalised).numpy())
    return np.concatenate(found)
