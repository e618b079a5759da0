"""``model.onnx``: the recorded graph of a network, or torch's exporter for operators outside it."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.export.preprocessing import Preprocessing
from results.export.proof import TOLERANCE
from results.export.source import ExportError, Source
from space.core.errors import MgnasError

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import Tensor

    from space.modules import Classifier

ONNX_FILE = "model.onnx"
TRACED_BATCH = 3
CHECKED_BATCHES = (1, 2, 7)
OPSET = 18
ONNXRUNTIME = "1.14"
"""The first version of onnxruntime that supports ``OPSET`` and its IR version."""
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def write_onnx(source: Source, folder: Path) -> None:
    """Write model.onnx.

    The input ``images`` is float32 N C H W with pixels from 0 to 1, the output ``logits`` N K, for any N. The
    model includes the normalisation. Its metadata contain the network and, as JSON, the classes and the whole
    preprocessing.

    Raises:
        ExportError: The conversion failed, or the difference exceeds ``TOLERANCE``.
    """
    classifier, path = source.classifier, folder / ONNX_FILE
    with quiet(), converting(ONNX_FILE):
        from results.export.onnx_graph import UnsupportedOperatorError

        try:
            _write_checked(_recorded_model(classifier), classifier, path)
        except (UnsupportedOperatorError, ExportError):  # a family of a plugin can have other operators
            _write_checked(_exported_model(classifier), classifier, path)


def _write_checked(model: ModelProto, classifier: Classifier, path: Path) -> None:
    """Complete the model, write it, and compare its logits with torch's on random images."""
    import onnx

    trained = classifier.trained
    spec = trained.network_spec()
    facts = {
        "notation": spec.notation,
        "arch": spec.arch,
        "classes": json.dumps(trained.classes),
        "data": trained.data,
        "preprocessing": json.dumps(Preprocessing.of(trained).facts()),
        "pixels": "0..1; the normalisation is inside",
    }
    onnx.helper.set_model_props(model, facts)
    # exporters write the newest IR version; older runtimes refuse it although they support the operators
    model.ir_version = onnx.helper.find_min_ir_version_for(list(model.opset_import))
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    _check(classifier, _onnx_runner(path), path.name)


def _recorded_model(classifier: Classifier) -> ModelProto:
    from results.export.onnx_graph import recorded_model

    return recorded_model(classifier, random_images(classifier, TRACED_BATCH), OPSET)


def _exported_model(classifier: Classifier) -> ModelProto:
    """Return the model of torch's exporter, which supports any network and takes about ten seconds."""
    import torch

    with torch.no_grad():
        program = torch.onnx.export(
            classifier,
            (random_images(classifier, TRACED_BATCH),),
            dynamo=True,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=any_batch(),
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


def _check(classifier: Classifier, run: Callable[[Tensor], Tensor], name: str) -> None:
    import torch

    for batch in CHECKED_BATCHES:
        images = random_images(classifier, batch)
        with torch.no_grad():
            expected, got = classifier(images), run(images)
        difference = float((got - expected).abs().max()) if got.shape == expected.shape else float("inf")
        limit = TOLERANCE * max(1.0, float(expected.abs().max()))
        if not difference <= limit:  # not >, which accepts NaN
            raise ExportError(
                f"{name} does not compute what the trained network does: for {batch} random images the "
                f"logits differ by {difference:.2g}, but at most {limit:.2g} is allowed; nothing was exported"
            )


def random_images(classifier: Classifier, batch: int) -> Tensor:
    """Return random images N C H W, determined by the number ``batch``."""
    import torch

    channels = classifier.trained.network_spec().in_channels
    generator = torch.Generator().manual_seed(batch)
    return torch.rand(batch, channels, *classifier.trained.image_size, generator=generator)


def any_batch() -> dict[str, Any]:
    """Return the dynamic shapes of images of any number."""
    import torch

    return {"images": {0: torch.export.Dim("batch")}}


@contextmanager
def converting(name: str) -> Iterator[None]:
    """Turn the errors of a converter into an ExportError with the file's name; OSErrors pass."""
    try:
        yield
    except (OSError, MgnasError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ExportError(f"{name} could not be made ({reason}); nothing was exported") from error


@contextmanager
def quiet() -> Iterator[None]:
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
