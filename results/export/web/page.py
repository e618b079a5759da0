"""The page ``web/index.html``: the network, its weights and its interface in one file."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.export.onnx_file import ONNX_FILE
from results.export.proof import TOLERANCE
from results.export.source import ExportError, Source
from results.export.web.plan import UnsupportedStepError, plan_of
from results.export.web.run_in_node import NodeRun, run_in_node
from space.core.errors import InvalidInputError
from space.networks.spec import Spec
from space.networks.weights_file import Trained

WEB_FILE = "web/index.html"
MOST_IMAGES, MOST_MACS = 32, 5e8
"""Bounds of the images that are compared in Node.js."""
FEW_CLASSES = 6
"""Number of classes that the heading of the page names."""


def write_web(source: Source, folder: Path) -> str:
    """Write web/index.html from model.onnx: a page that classifies pictures, without a server or another file.

    Returns:
        Its size, and its largest difference from the trained network, as text.

    Raises:
        InvalidInputError: The page cannot run the network.
        ExportError: The network of the page, run in Node.js, gives other logits.
    """
    import onnx

    trained = source.trained
    try:
        plan = plan_of(onnx.load(folder / ONNX_FILE))
    except UnsupportedStepError as error:
        raise InvalidInputError(
            f"the format web is not possible: the page does not support {error}; use onnx"
        ) from None
    images = np.concatenate([check_image(trained)[None], _some_images(source)])
    expected = expected_logits(source, images)
    network = plan.facts() | {
        "classes": trained.classes,
        "check": expected[0].tolist(),
        "tolerance": TOLERANCE,
    }
    run = run_in_node(network, images)
    compared = f"not compared with the trained network: {run.problem}"
    if run.logits is not None:
        difference = _difference(run, expected)
        compared = f"largest difference {difference:.1e} (Node.js {run.version})"
    text = _page(source, network)
    path = folder / WEB_FILE
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return f"one file of {len(text.encode()) / 1000:,.1f} kB, {compared}"


def why_no_page(spec: Spec) -> str | None:
    """Return why a network cannot classify pictures in a page; None if it can."""
    if spec.in_channels in (1, 3):
        return None
    return f"the network takes {spec.in_channels} channels, a picture has 1 or 3"


def check_image(trained: Trained) -> NDArray[np.float32]:
    """Return the image C H W, pixels from 0 to 1, with which ``page.js`` checks the network."""
    shape = (len(trained.mean), *trained.image_size)
    index = np.arange(int(np.prod(shape)), dtype=np.int64)
    pixels = ((index * index * 31 + index * 17) % 256).astype(np.float32) / np.float32(255)
    return pixels.reshape(shape)


def _some_images(source: Source) -> NDArray[np.float32]:
    """Return the first images of the proof as N C H W with pixels from 0 to 1: at most ``MOST_MACS`` in all."""
    macs = source.spec.macs(source.trained.image_size)
    images = source.sample.images[: min(MOST_IMAGES, int(MOST_MACS // max(1, macs)))]
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)


def expected_logits(source: Source, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logits of the trained network for images N C H W."""
    import torch

    with torch.inference_mode():
        logits: NDArray[np.float32] = source.classifier(torch.from_numpy(images)).numpy()
    return logits


def _difference(run: NodeRun, expected: NDArray[np.float32]) -> float:
    """Return the largest difference of the logits; raise ExportError if it is too large."""
    assert run.logits is not None
    difference = float(np.abs(run.logits - expected).max()) if run.logits.shape == expected.shape else np.inf
    if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):  # not >, which accepts NaN
        raise ExportError(
            f"{WEB_FILE} does not compute what the trained network does: in Node.js {run.version} the logits "
            f"differ by {difference:.2g}; nothing was exported"
        )
    return difference


def _page(source: Source, network: dict[str, Any]) -> str:
    trained = source.trained
    names = ", ".join(trained.classes[:FEW_CLASSES])
    more = len(trained.classes) - FEW_CLASSES
    facts = (
        f"{source.spec.notation} · {source.spec.params:,} parameters · "
        f"validation accuracy {100 * trained.val_accuracy:.2f} % · found and trained by mgnas"
    )
    return Template(_asset("page.html.template")).substitute(
        title="Image classifier",
        lead=html.escape(f"It knows {names}{f' and {more} other classes' if more > 0 else ''}."),
        facts=html.escape(facts),
        css=_asset("page.css"),
        network=json.dumps(network).replace("<", "\\u003c"),
        network_script=_asset("network.js"),
        picture_script=_asset("picture.js"),
        page_script=_asset("page.js"),
    )


def _asset(name: str) -> str:
    return (files("results.export.web") / name).read_text(encoding="utf-8")
