"""The int8 C code of the networks on a study's front: accuracy lost, flash, SRAM, and time of an image.

    python -m benchmarks.firmware STUDY... [--time] [--json]

Each network is quantised on 200 training images and classifies all validation images of the study, in NumPy. With
``--time``, net.c is compiled with ``-O3`` and run on 64 images, five times; the table has the median of an image. If
``emx-onnx-cgen`` is on the path and the packages of the extra ``export`` are installed, its float code for the same
network is compiled and timed in the same way, alternating.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fronts import Row, measure_fronts
from results.export.firmware.c_source import fixed_source, header_source, net_source
from results.export.firmware.write import quantised_network, trained_logits
from results.export.onnx_file import write_onnx
from results.export.sample import Sample
from results.export.source import Source
from search.study.opened import open_study, validation_sample
from space.firmware.integer_run import integer_logits
from space.firmware.quantise import IntegerNetwork
from space.networks.load import load_spec

MOST_IMAGES = 10**6
NUM_TIMED, REPEATS = 64, 5
OPTIONS = ("-std=c99", "-O3")
FLOAT_MAIN = """\
#include <stdint.h>
#include <stdio.h>
#include <string.h>
static float image[1][{channels}][{height}][{width}], logits[1][{classes}];
void model(const float images[restrict 1][{channels}][{height}][{width}], float logits[restrict 1][{classes}]);
int main(void) {{
    while (fread(image, sizeof image, 1, stdin) == 1) {{
        model(image, logits);
        fwrite(logits, sizeof logits, 1, stdout);
    }}
    return 0;
}}
"""


def rows_of(folder: Path, is_timed: bool) -> Iterator[Row]:
    """Yield the figures of each network with weights on the front of a study."""
    study = open_study(folder)
    sample = validation_sample(study, MOST_IMAGES)
    for trial in study.front_records:
        if trial.weights is not None:
            yield measured(Source(load_spec(trial.spec), folder / trial.weights), sample, is_timed)


def measured(source: Source, sample: Sample, is_timed: bool) -> Row:
    """Return the figures of one network."""
    assert sample.calibration is not None
    network = quantised_network(source, sample.calibration)
    integers, floats = integer_logits(network, sample.images), trained_logits(source, sample.images)
    before, after = sample.accuracy(floats), sample.accuracy(integers)
    assert before is not None
    assert after is not None
    row = {
        "notation": source.spec.notation,
        "params": source.spec.params,
        "flash_bytes": network.program.flash_bytes,
        "sram_bytes": network.program.sram_bytes,
        "float_accuracy": before,
        "int8_accuracy": after,
        "points": 100 * (after - before),
        "agreement": float((integers.argmax(axis=1) == floats.argmax(axis=1)).mean()),
        "num_images": len(sample),
    }
    return row | times(source, network, sample, integers) if is_timed else row


def times(source: Source, network: IntegerNetwork, sample: Sample, logits: Any) -> dict[str, Any]:
    """Return the median times of an image: int8 code, and float code of emx-onnx-cgen where it is installed."""
    images = sample.images[:NUM_TIMED]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        title, classes = source.spec.notation, source.trained.classes
        (folder / "net.c").write_text(net_source(network, title))
        (folder / "net.h").write_text(header_source(network, title, classes, 0, "RGB"))
        (folder / "check.c").write_text(fixed_source("check.c"))
        subprocess.run(["cc", *OPTIONS, "net.c", "check.c", "-o", "int8"], cwd=folder, check=True)
        given = {"int8": images.tobytes()}
        if shutil.which("emx-onnx-cgen"):
            _float_code(source, folder)
            pixels = images.transpose(0, 3, 1, 2).astype(np.float32) / 255
            given["float"] = np.ascontiguousarray(pixels).tobytes()
        found: dict[str, list[float]] = {name: [] for name in given}
        for _ in range(REPEATS):
            for kind, data in given.items():
                few, many = (_seconds(folder / kind, data * number) for number in (1, 5))
                found[kind].append(1e3 * (many - few) / (4 * len(images)))
        output = subprocess.run(
            [folder / "int8"], input=images.tobytes(), capture_output=True, check=True
        ).stdout
    assert np.array_equal(
        np.frombuffer(output, np.int32).reshape(logits[:NUM_TIMED].shape), logits[:NUM_TIMED]
    )
    return {f"{kind}_ms": statistics.median(values) for kind, values in found.items()}


def _seconds(program: Path, data: bytes) -> float:
    begin = time.perf_counter()
    subprocess.run([program], input=data, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def _float_code(source: Source, folder: Path) -> None:
    """Write the ONNX model with a batch of one, convert it to C, and compile it."""
    import onnx

    write_onnx(source, folder)
    model = onnx.load(folder / "model.onnx")
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    del model.graph.value_info[:]
    onnx.save(model, folder / "one.onnx")
    command = ["emx-onnx-cgen", "compile", "one.onnx", "float.c", "--model-name", "model"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    height, width = source.trained.image_size
    text = FLOAT_MAIN.format(
        channels=source.spec.in_channels, height=height, width=width, classes=source.spec.num_classes
    )
    (folder / "main.c").write_text(text)
    subprocess.run(["cc", *OPTIONS, "float.c", "main.c", "-lm", "-o", "float"], cwd=folder, check=True)


def main() -> None:
    measure_fronts(__doc__, "--time", rows_of, lambda row: {"validation": row["points"]})


if __name__ == "__main__":
    main()
