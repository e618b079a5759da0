"""An exported network that runs here: its input format, and the function from images to logits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from results.export.onnx_file import quiet
from results.export.preprocessing import Preprocessing
from space.core.errors import InvalidInputError, shortened, shown
from space.networks.plugins import load_plugins

Backend = Literal["onnxruntime", "torch"]
BACKENDS: dict[str, tuple[Backend, ...]] = {
    "model.onnx": ("onnxruntime",),
    "model.safetensors": ("torch",),
    "model.pt2": ("torch",),
}
"""The files of an export that can run, the lightest first, and their backends."""
BY_SUFFIX = {Path(name).suffix: name for name in BACKENDS}


@dataclass(frozen=True)
class Runner:
    """An exported network.

    Attributes:
        file: The file of the network.
        backend: The package that runs it.
        preprocessing: Its input format and its classes.
        logits: Maps float32 images N C H W with pixels from 0 to 1 to logits N K.
    """

    file: Path
    backend: Backend
    preprocessing: Preprocessing
    logits: Callable[[NDArray[np.float32]], NDArray[np.float32]]

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the probabilities N K of images uint8 N H W C."""
        pixels = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
        logits = self.logits(pixels).astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def load_runner(export: Path, backend: str | None = None) -> Runner:
    """Return the network of an export that an installed package can run.

    Args:
        export: The folder of an export, or its file ``.onnx``, ``.safetensors`` or ``.pt2``.
        backend: ``onnxruntime`` or ``torch``; None for onnxruntime where it is possible.

    Raises:
        InvalidInputError: There is no such export, no package can run it, or its file is damaged.
    """
    if backend is not None and backend not in ("onnxruntime", "torch"):
        raise InvalidInputError(f"--backend must be onnxruntime or torch, but got {shown(backend)}")
    files = _files_of(export)
    possible = [(file, name) for file in files for name in BACKENDS[BY_SUFFIX[file.suffix]]]
    wanted = [(file, name) for file, name in possible if backend in (None, name)]
    if not wanted:
        names = " and ".join(file.name for file in files)
        raise InvalidInputError(f"{backend} cannot run {names} of {export}; choose another --backend")
    for file, name in wanted:
        if find_spec(name) is not None:
            return _loaded(file, name)
    raise InvalidInputError(
        f"{wanted[0][0]} needs {wanted[0][1]}, which is not installed: pip install {wanted[0][1]}"
    )


def _files_of(export: Path) -> list[Path]:
    if export.is_dir():
        if files := [export / name for name in BACKENDS if (export / name).is_file()]:
            return files
        raise InvalidInputError(
            f"{export} holds no exported network: none of {', '.join(BACKENDS)}; 'mgnas export' writes them"
        )
    if not export.is_file():
        raise InvalidInputError(f"there is no export {export}; 'mgnas export DIR' writes one")
    if export.suffix not in BY_SUFFIX:
        raise InvalidInputError(
            f"{export} is no exported network: name its folder, or a file that ends in {', '.join(BY_SUFFIX)}"
        )
    return [export]


def _loaded(file: Path, backend: Backend) -> Runner:
    loaders = {".onnx": _load_onnx, ".pt2": _load_pt2, ".safetensors": _load_safetensors}
    try:
        preprocessing, logits = loaders[file.suffix](file)
    except InvalidInputError:
        raise
    except Exception as error:  # errors of the runtimes share no public base
        reason = shortened(str(error)) or type(error).__name__
        raise InvalidInputError(f"{file} is damaged or was not exported by mgnas ({reason})") from None
    return Runner(file, backend, preprocessing, logits)


def _load_onnx(file: Path) -> tuple[Preprocessing, Callable[[Any], Any]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # the error is raised too
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    text = session.get_modelmeta().custom_metadata_map.get("preprocessing", "")
    return _read(text, file), lambda images: session.run(["logits"], {"images": images})[0]


def _load_pt2(file: Path) -> tuple[Preprocessing, Callable[[Any], Any]]:
    import torch

    extra = {"preprocessing.json": ""}
    with quiet():
        network = torch.export.load(str(file), extra_files=extra).module()
    return _read(extra["preprocessing.json"], file), _in_torch(network)


def _load_safetensors(file: Path) -> tuple[Preprocessing, Callable[[Any], Any]]:
    from space.modules import Classifier

    facts = _manifest(file)
    load_plugins([_beside(file, name) for name in facts.get("plugins", ())])
    classifier = Classifier.load(file)
    return Preprocessing.of(classifier.trained), _in_torch(classifier)


def _beside(file: Path, name: str) -> Path:
    """Return the path of a plugin of an export; only a file of the export itself is loaded."""
    if Path(name).name != name:
        raise InvalidInputError(f"export.json names the plugin {shown(name)}, which lies outside the export")
    return file.parent / name


def _in_torch(network: Any) -> Callable[[Any], Any]:
    import torch

    def logits(images: Any) -> Any:
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return logits


def _read(text: str, file: Path) -> Preprocessing:
    """Return the input format in ``text``; without it, that of export.json beside the file."""
    facts = json.loads(text) if text else _manifest(file).get("preprocessing")
    if not isinstance(facts, dict):
        raise InvalidInputError(f"{file} does not state its input format, and no export.json lies beside it")
    for name in ("image_size", "mean", "std", "classes"):
        facts[name] = tuple(facts[name])
    return Preprocessing(**facts)


def _manifest(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads((file.parent / "export.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
