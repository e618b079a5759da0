"""The formats of an export; each model is run and its logits are compared with those of torch."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from space.core.atomic_files import write_atomic
from space.core.errors import MgnasError
from space.networks.spec import Spec
from space.networks.weights_file import Trained, read_trained

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import Tensor

    from space.modules import Classifier

TOLERANCE = 1e-4
"""Largest allowed difference between the logits of an export and of torch, relative to the largest logit.

The largest logit counts as at least 1. A different order of float32 sums changes logits by about 1e-6; a wrong
layer changes them by more than 1e-2.
"""
TRACED_BATCH = 3
CHECKED_BATCHES = (1, 2, 7)
OPSET = 18
ONNXRUNTIME = "1.14"
"""The first version of onnxruntime that supports ``OPSET`` and its IR version."""
INSTALL = "pip install -e '.[export]' in mgnas's source tree"
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


class ExportError(MgnasError):
    """A network cannot be exported, or its export computes different logits."""


def missing_packages(name: str) -> list[str]:
    """Return the missing packages of the format ``name``."""
    return [package for package in ONNX_PACKAGES if name == "onnx" and find_spec(package) is None]


@dataclass(frozen=True)
class Source:
    """The network to export and its file of weights; the format ``spec`` needs no weights."""

    spec: Spec
    path: Path | None = None

    @cached_property
    def weights(self) -> tuple[Trained, bytes]:
        """The metadata and the content of the file of weights, checked.

        Raises:
            InvalidInputError: The file is missing or damaged.
        """
        assert self.path is not None
        return read_trained(self.path)

    @cached_property
    def classifier(self) -> Classifier:
        """The trained network in evaluation mode; the first use imports torch."""
        from space.modules import Classifier

        assert self.path is not None
        return Classifier.load(self.path)


def write_spec(source: Source, folder: Path) -> None:
    """Write spec.json, for ``mgnas.read_spec`` and ``mgnas describe``."""
    text = json.dumps(source.spec.to_dict(), indent=2) + "\n"
    (folder / "spec.json").write_text(text, encoding="utf-8")


def write_safetensors(source: Source, folder: Path) -> None:
    """Write model.safetensors, for ``Classifier.load``: a copy of the study's file of weights."""
    write_atomic(folder / "model.safetensors", source.weights[1])


def write_onnx(source: Source, folder: Path) -> float:
    """Write model.onnx and return the largest difference of its logits from torch's.

    The input ``images`` is float32 N C H W with pixels from 0 to 1, the output ``logits`` N K, for any N. The
    model includes the normalisation. Its metadata contain the network and, as JSON, the classes.

    Raises:
        ExportError: The conversion failed, or the difference exceeds ``TOLERANCE``.
    """
    classifier, path = source.classifier, folder / "model.onnx"
    with _quiet(), _converting("model.onnx"):
        from results.export.onnx_graph import UnsupportedOperatorError

        try:
            return _write_checked(_recorded_model(classifier), classifier, path)
        except (UnsupportedOperatorError, ExportError):  # a family of a plugin can have other operators
            return _write_checked(_exported_model(classifier), classifier, path)


def _write_checked(model: ModelProto, classifier: Classifier, path: Path) -> float:
    """Complete the model and write it; return the largest difference of its logits from torch's."""
    import onnx

    trained = classifier.trained
    spec = trained.network_spec()
    facts = {
        "notation": spec.notation,
        "arch": spec.arch,
        "classes": json.dumps(trained.classes),
        "data": trained.data,
        "pixels": "0..1; the normalisation is inside",
    }
    onnx.helper.set_model_props(model, facts)
    # exporters write the newest IR version; older runtimes refuse it although they support the operators
    model.ir_version = onnx.helper.find_min_ir_version_for(list(model.opset_import))
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    return _largest_difference(classifier, _onnx_runner(path), path.name)


def write_pt2(source: Source, folder: Path) -> float:
    """Write model.pt2 for ``torch.export.load`` and return the largest difference of its logits.

    Images and logits are those of ``write_onnx``. The extra file ``mgnas.json`` contains the ``Trained`` record.

    Raises:
        ExportError: The conversion failed, or the difference exceeds ``TOLERANCE``.
    """
    import torch

    path, classifier = folder / "model.pt2", source.classifier
    with _quiet(), _converting("model.pt2"), torch.no_grad():
        program = torch.export.export(
            classifier, (_images(classifier, TRACED_BATCH),), dynamic_shapes=_any_batch(), strict=False
        )
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # it contains paths of this machine
        extra = {"mgnas.json": classifier.trained.model_dump_json()}
        data = io.BytesIO()  # torch.export.save raises RuntimeError for a full disk
        torch.export.save(program, data, extra_files=extra)
        path.write_bytes(data.getvalue())
        run = torch.export.load(path).module()
        return _largest_difference(classifier, run, "model.pt2")


WRITERS: dict[str, Callable[[Source, Path], float | None]] = {
    "spec": write_spec,
    "safetensors": write_safetensors,
    "onnx": write_onnx,
    "pt2": write_pt2,
}
"""The writer of each format; it returns the largest difference of logits, or None without a model to run."""


def _recorded_model(classifier: Classifier) -> ModelProto:
    from results.export.onnx_graph import recorded_model

    return recorded_model(classifier, _images(classifier, TRACED_BATCH), OPSET)


def _exported_model(classifier: Classifier) -> ModelProto:
    """Return the model of torch's exporter, which supports any network and takes about ten seconds."""
    import torch

    with torch.no_grad():
        program = torch.onnx.export(
            classifier,
            (_images(classifier, TRACED_BATCH),),
            dynamo=True,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=_any_batch(),
            opset_version=OPSET,
        )
    assert program is not None
    model: ModelProto = program.model_proto
    graph = model.graph
    # the exporter adds the source of each value, with paths of this machine
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
    return model


def _onnx_runner(path: Path) -> Callable[[Tensor], Tensor]:
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: warnings bypass Python and reach the terminal
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(["logits"], {"images": images.numpy()})[0])


def _largest_difference(classifier: Classifier, run: Callable[[Tensor], Tensor], name: str) -> float:
    import torch

    largest = 0.0
    for batch in CHECKED_BATCHES:
        images = _images(classifier, batch)
        with torch.no_grad():
            expected, got = classifier(images), run(images)
        difference = float((got - expected).abs().max()) if got.shape == expected.shape else float("inf")
        limit = TOLERANCE * max(1.0, float(expected.abs().max()))
        if not difference <= limit:  # not >, which accepts NaN
            raise ExportError(
                f"{name} does not compute what the trained network does: for {batch} random images the "
                f"logits differ by {difference:.2g}, but at most {limit:.2g} is allowed; nothing was exported"
            )
        largest = max(largest, difference)
    return largest


def _images(classifier: Classifier, batch: int) -> Tensor:
    """Return random images N C H W, determined by the number ``batch``."""
    import torch

    channels = classifier.trained.network_spec().in_channels
    generator = torch.Generator().manual_seed(batch)
    return torch.rand(batch, channels, *classifier.trained.image_size, generator=generator)


def _any_batch() -> dict[str, Any]:
    import torch

    return {"images": {0: torch.export.Dim("batch")}}


@contextmanager
def _converting(name: str) -> Iterator[None]:
    """Turn the errors of a converter into an ExportError with the file's name; OSErrors pass."""
    try:
        yield
    except (OSError, MgnasError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ExportError(f"{name} could not be made ({reason}); nothing was exported") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress progress, warnings and log lines of the converters; errors still raise."""
    disabled = logging.root.manager.disable
    logging.disable(max(disabled, logging.WARNING))
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
