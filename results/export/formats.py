"""The formats of an export: their files, their writers, and how each is loaded back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from results.export.firmware.write import write_c
from results.export.onnx_file import (
    ONNX_FILE,
    ONNX_PACKAGES,
    TRACED_BATCH,
    any_batch,
    converting,
    quiet,
    random_images,
    write_onnx,
)
from results.export.onnx_int8 import INT8_FILE, write_onnx_int8
from results.export.preprocessing import Preprocessing
from results.export.proof import Loading
from results.export.source import Source
from results.export.standalone.source import MODULE_FILE, standalone_source, why_not_standalone
from results.export.web.page import WEB_FILE, write_web
from space.core.atomic_files import write_atomic
from space.networks.spec import Spec

INSTALL = "pip install -e '.[export]' in mgnas's source tree"


@dataclass(frozen=True)
class Format:
    """A format of an export.

    Attributes:
        file: Name of its file.
        write: Writes the file of a network into a folder. Returns a line of figures, or None.
        environment: The process that loads it back: a key of ``REFUSED``; None for a format without weights.
        brings: Formats that it needs beside it.
        packages: Packages that the writer needs.
        is_exact: Whether its logits equal those of the network.
    """

    file: str
    write: Callable[[Source, Path], str | None]
    environment: str | None = None
    brings: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    is_exact: bool = True


def write_spec(source: Source, folder: Path) -> None:
    """Write spec.json, for ``mgnas.read_spec`` and ``mgnas describe``."""
    text = json.dumps(source.spec.to_dict(), indent=2) + "\n"
    (folder / "spec.json").write_text(text, encoding="utf-8")


def write_safetensors(source: Source, folder: Path) -> None:
    """Write model.safetensors, for ``Classifier.load``: a copy of the study's file of weights."""
    write_atomic(folder / "model.safetensors", source.weights[1])


def write_pt2(source: Source, folder: Path) -> None:
    """Write model.pt2 for ``torch.export.load``.

    Images and logits are those of ``write_onnx``. The extra file ``mgnas.json`` contains the ``Trained`` record,
    ``preprocessing.json`` the input format.

    Raises:
        ExportError: The conversion failed.
    """
    import torch

    path, classifier = folder / "model.pt2", source.classifier
    with quiet(), converting("model.pt2"), torch.no_grad():
        program = torch.export.export(
            classifier, (random_images(classifier, TRACED_BATCH),), dynamic_shapes=any_batch(), strict=False
        )
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # it contains paths of this machine
        extra = {
            "mgnas.json": classifier.trained.model_dump_json(),
            "preprocessing.json": json.dumps(Preprocessing.of(classifier.trained).facts()),
        }
        data = io.BytesIO()  # torch.export.save raises RuntimeError for a full disk
        torch.export.save(program, data, extra_files=extra)
        path.write_bytes(data.getvalue())


def write_python(source: Source, folder: Path) -> None:
    """Write model.py: the network in plain torch. It loads model.safetensors."""
    (folder / MODULE_FILE).write_text(standalone_source(source.trained), encoding="utf-8")


def write_hub(source: Source, folder: Path) -> None:
    """Write config.json, which makes the folder a model repository of the Hugging Face hub."""
    trained = source.trained
    spec = trained.network_spec()
    is_standalone = why_not_standalone(spec) is None
    config = {
        "architectures": ["Network" if is_standalone else "mgnas.Classifier"],
        "module_file": MODULE_FILE if is_standalone else None,
        "plugins": list(source.plugins),
        "library_name": "pytorch" if is_standalone else "mgnas",
        "model_type": spec.family,
        "notation": spec.notation,
        "num_labels": len(trained.classes),
        "num_channels": spec.in_channels,
        "id2label": {str(index): name for index, name in enumerate(trained.classes)},
        "label2id": {name: index for index, name in enumerate(trained.classes)},
        "torch_dtype": "float32",
        "preprocessing": Preprocessing.of(trained).facts(),
        "spec": spec.to_dict(),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


FORMATS: dict[str, Format] = {
    "spec": Format("spec.json", write_spec),
    "safetensors": Format("model.safetensors", write_safetensors, "mgnas"),
    "onnx": Format(ONNX_FILE, write_onnx, "onnxruntime", packages=ONNX_PACKAGES),
    "pt2": Format("model.pt2", write_pt2, "torch"),
    "python": Format(MODULE_FILE, write_python, "torch", brings=("safetensors",)),
    "hub": Format("config.json", write_hub, "torch", brings=("safetensors", "python")),
    "onnx-int8": Format(
        INT8_FILE, write_onnx_int8, "onnxruntime", brings=("onnx",), packages=ONNX_PACKAGES, is_exact=False
    ),
    "web": Format(WEB_FILE, write_web, brings=("onnx",), packages=ONNX_PACKAGES),
    "c": Format("firmware/net.c", write_c),
}
"""All formats by name, in the order in which they are written."""


def missing_packages(name: str) -> list[str]:
    """Return the missing packages of the format ``name``."""
    return [package for package in FORMATS[name].packages if find_spec(package) is None]


def loading_of(name: str, spec: Spec) -> Loading | None:
    """Return how a format of a network is loaded back; None if it holds no weights."""
    format_ = FORMATS[name]
    if format_.environment is None:
        return None
    if name == "hub" and why_not_standalone(spec) is not None:
        return Loading("mgnas", "hub of a plugin", format_.file)
    return Loading(format_.environment, name, format_.file, format_.is_exact)
