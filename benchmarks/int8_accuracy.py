"""Float and int8 accuracy of the networks on a study's front, on validation and test images, and after fine-tuning.

    python -m benchmarks.int8_accuracy STUDY... [--finetune] [--json]

Each network is quantised on 200 training images. Its C code is compiled and classifies all images; its logits must
equal those of torch. With ``--finetune`` each network is also fine-tuned as ``mgnas export --finetune`` does it. The
test split is opened: use studies that serve this benchmark only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.fronts import Row, measure_fronts
from results.export.firmware.c_source import header_source, net_source
from results.export.firmware.compile import run_compiled
from results.open import open_study
from space.modules.integers import IntegerModule
from space.modules.weights import load_weights
from space.networks.load import load_spec
from space.networks.spec import Spec
from trainers.data.config import DataConfig
from trainers.data.device_data import DeviceData
from trainers.data.load_splits import load_held_out
from trainers.data.open_data import open_data
from trainers.data.splits import Split
from trainers.finetuning import finetune, network_with
from trainers.quantised import quantised
from trainers.recipe import Recipe

BATCH_SIZE = 500
SPLITS = ("validation", "test")


def accuracies(
    spec: Spec, weights: Mapping[str, NDArray[Any]], data: DeviceData, split: Split
) -> dict[str, float]:
    """Return float and int8 accuracy on a split, their difference in points, and the share of equal classes."""
    network, images = network_with(spec, weights), split.images[:]
    found = []
    with torch.inference_mode():
        for begin in range(0, len(images), BATCH_SIZE):
            batch = torch.from_numpy(images[begin : begin + BATCH_SIZE])
            found.append(network(data.normalise(batch).contiguous()).numpy())
    floats = np.concatenate(found).argmax(axis=1)
    integers = quantised(spec, weights, data)
    classes = data.search_data.classes
    code = {
        "net.c": net_source(integers, "benchmark"),
        "net.h": header_source(integers, "benchmark", classes, 0, "RGB"),
    }
    compiled = run_compiled(code, images, len(classes))
    logits = compiled.logits
    assert logits is not None, compiled.problem
    expected = IntegerModule(integers).logits(torch.from_numpy(images)).numpy()
    assert np.array_equal(logits, expected)
    before, after = (float((one == split.labels).mean()) for one in (floats, logits.argmax(axis=1)))
    return {
        "float": before,
        "int8": after,
        "points": 100 * (after - before),
        "agreement": float((floats == logits.argmax(axis=1)).mean()),
        "num_images": len(split),
    }


def measured(folder: Path, is_finetuned: bool) -> Iterator[Row]:
    """Yield the figures of each network with weights on the front of a study."""
    study = open_study(folder)
    config = DataConfig.model_validate(study.header.config["data"])
    data, held_out = open_data(config, torch.device("cpu")), load_held_out(config)
    recipe = Recipe.model_validate(study.header.config["train"])
    splits = dict(zip(SPLITS, (data.search_data.val, held_out.test), strict=True))
    for trial in study.front_records:
        if trial.weights is None:
            continue
        spec = load_spec(trial.spec)
        _, tensors = load_weights(folder / trial.weights)
        weights = {name: tensor.numpy() for name, tensor in tensors.items()}
        row: Row = {"notation": trial.notation, "params": trial.params}
        row |= {name: accuracies(spec, weights, data, split) for name, split in splits.items()}
        if is_finetuned:
            began = time.perf_counter()
            tuned = finetune(spec, weights, data, recipe.replaced(trial.training), trial.seed)
            row["finetuned"] = {
                "epoch": tuned.epoch,
                "seconds": time.perf_counter() - began,
                **{name: accuracies(spec, tuned.weights, data, split) for name, split in splits.items()},
            }
        yield row


def main() -> None:
    measure_fronts(
        __doc__, "--finetune", measured, lambda row: {name: row[name]["points"] for name in SPLITS}
    )


if __name__ == "__main__":
    main()
