"""Run exported networks in a process without mgnas, and record their logits and latencies.

    python load_back.py JOB.json

The job names the folder of the export, the folder ``out`` with the images (images.npy, uint8 N H W C), and the
environments: the packages that each refuses to import, and its formats. For each format the script writes
NAME.npy, the logits, and one entry of result.json.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BATCH_SIZE = 64
FIRST_BATCHES = (1, 2)
"""Sizes of the first batches: an export must take any number of images."""
MOST_RUNS, WARM_UP, MOST_S = 50, 5, 0.5
"""Single images whose latency is measured: the number, those before them, and the seconds for all."""


def run_onnx(folder: Path, file: str) -> tuple[Callable[[Any], Any], str]:
    """Return the function from images to logits, and the runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / file), options, providers=["CPUExecutionProvider"])
    return (
        lambda images: session.run(["logits"], {"images": images})[0],
        f"onnxruntime {onnxruntime.__version__}",
    )


def run_torch(network: Any) -> tuple[Callable[[Any], Any], str]:
    """Return the function from images to logits of a torch module, and the runtime."""
    import torch

    torch.set_num_threads(1)

    def logits(images: Any) -> Any:
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return logits, f"torch {torch.__version__.partition('+')[0]}"


def load_pt2(folder: Path, file: str) -> tuple[Callable[[Any], Any], str]:
    """Return the runner of a file of ``torch.export``."""
    import torch

    return run_torch(torch.export.load(str(folder / file)).module())


def load_python(folder: Path, file: str) -> tuple[Callable[[Any], Any], str]:
    """Return the runner of a stand-alone Python file."""
    return run_torch(python_module(folder / file).load(folder))


def load_hub(folder: Path, file: str) -> tuple[Callable[[Any], Any], str]:
    """Return the runner of model.safetensors as config.json describes it."""
    config = json.loads((folder / file).read_text(encoding="utf-8"))
    module = python_module(folder / config["module_file"])
    network = getattr(module, config["architectures"][0])()
    network.load_state_dict(module.read_weights(folder / "model.safetensors"))
    return run_torch(network.eval())


def load_safetensors(folder: Path, file: str) -> tuple[Callable[[Any], Any], str]:
    """Return the runner of a file of weights of mgnas."""
    from space.modules.weights import Classifier

    return run_torch(Classifier.load(folder / file))


def python_module(path: Path) -> Any:
    """Return the module of a Python file."""
    spec = importlib.util.spec_from_file_location("exported_network", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with no_bytecode():
        spec.loader.exec_module(module)
    return module


@contextmanager
def no_bytecode() -> Iterator[None]:
    """Write no __pycache__ into the export."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


LOADERS: dict[str, Callable[[Path, str], tuple[Callable[[Any], Any], str]]] = {
    "onnx": run_onnx,
    "onnx-int8": run_onnx,
    "pt2": load_pt2,
    "python": load_python,
    "hub": load_hub,
    "safetensors": load_safetensors,
    "hub of a plugin": lambda folder, _: load_safetensors(folder, "model.safetensors"),
}


def batches(images: Any) -> Iterator[Any]:
    """Yield batches of float32 N C H W with pixels from 0 to 1."""
    import numpy as np

    begin, sizes = 0, iter(FIRST_BATCHES)
    while begin < len(images):
        end = begin + next(sizes, BATCH_SIZE)
        pixels = images[begin:end].transpose(0, 3, 1, 2).astype(np.float32)
        yield np.ascontiguousarray(pixels) / np.float32(255)
        begin = end


def latencies_ms(logits: Callable[[Any], Any], image: Any) -> list[float]:
    """Return the latencies of single images in milliseconds."""
    found: list[float] = []
    for run in range(MOST_RUNS + WARM_UP):
        began = time.perf_counter()
        logits(image)
        if run >= WARM_UP:
            found.append(1000 * (time.perf_counter() - began))
        if len(found) >= WARM_UP and sum(found) > 1000 * MOST_S:
            break
    return found


def enter(environment: dict[str, Any], folder: Path) -> None:
    """Allow the imports of an environment, and no others: they fail as if they were not installed."""
    for name in [name for name, module in sys.modules.items() if module is None]:
        del sys.modules[name]
    sys.modules.update(dict.fromkeys(environment["refused"]))
    sys.path[:0] = environment["path"]
    for plugin in environment["plugins"]:
        from space.networks.plugins import load_plugins

        with no_bytecode():
            load_plugins([folder / plugin])


def result_of(loader: str, folder: Path, file: str, out: Path, name: str) -> dict[str, Any]:
    """Run one format on all images and return its entry of result.json."""
    import numpy as np

    images = np.load(out / "images.npy", mmap_mode="r")
    began = time.perf_counter()
    try:
        run, runtime = LOADERS[loader](folder, file)
        load_s = time.perf_counter() - began
        logits = np.concatenate([run(batch) for batch in batches(images)])
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    np.save(out / f"{name}.npy", logits)
    first = next(batches(images[:1]))
    return {"runtime": runtime, "load_s": load_s, "latencies_ms": latencies_ms(run, first)}


def main(job_file: str) -> None:
    """Run the formats of a job, and write the results after each of them."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    folder, out = Path(job["folder"]), Path(job["out"])
    results: dict[str, dict[str, Any]] = {}
    for environment in job["environments"]:
        enter(environment, folder)
        for name, (loader, file) in environment["formats"].items():
            results[name] = result_of(loader, folder, file, out, name)
            (out / "result.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
