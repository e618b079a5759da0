"""The section "Use" of a model card: a snippet for each format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from results.export.onnx_file import ONNXRUNTIME

if TYPE_CHECKING:
    from space.networks.weights_file import Trained

_SNIPPETS = {
    "onnx": """\
With ONNX Runtime {onnxruntime} or later (`pip install onnxruntime numpy`):

```python
import json

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
images = np.zeros((2, {shape}), np.uint8)  # yours: N C H W, pixels 0..255
(logits,) = session.run(["logits"], {{"images": images.astype(np.float32) / 255}})
print([classes[index] for index in logits.argmax(axis=1)])
```
""",
    "python": """\
With PyTorch alone (`pip install torch numpy`):

```python
import torch

from model import CLASSES, load

network = load()
images = torch.zeros(2, {shape}, dtype=torch.uint8)  # yours: N C H W, pixels 0..255
with torch.inference_mode():
    logits = network(images.float() / 255)
print([CLASSES[index] for index in logits.argmax(dim=1)])
```
""",
    "safetensors": """\
With mgnas installed (from its source tree: `pip install -e .`):

```python
import torch
{plugins}from mgnas import Classifier

classifier = Classifier.load("model.safetensors")
images = torch.zeros(2, {shape}, dtype=torch.uint8)  # yours: N C H W, pixels 0..255
print(classifier.predict(images))
```
""",
    "pt2": """\
With `torch.export`, mgnas is not needed either:

```python
import json

import torch

extra = {{"mgnas.json": ""}}
network = torch.export.load("model.pt2", extra_files=extra).module()
classes = json.loads(extra["mgnas.json"])["classes"]
images = torch.zeros(2, {shape}, dtype=torch.uint8)  # yours: N C H W, pixels 0..255
print([classes[index] for index in network(images.float() / 255).argmax(dim=1)])
```
""",
}

_SCRIPT = """\
From a terminal, with image files (this needs Pillow) or a NumPy array of images:

    python classify.py image1.png image2.png
    python classify.py images.npy

It uses `model.onnx` with onnxruntime, or `model.py` with torch.
"""


def use(trained: Trained, formats: Sequence[str], plugins: Sequence[str]) -> list[str]:
    """Return the paragraphs that show how to load and run the network.

    Args:
        trained: The metadata of its weights.
        formats: The formats of the export.
        plugins: The exported Python files that register the network's family.
    """
    channels, (height, width) = trained.network_spec().in_channels, trained.image_size
    facts = {
        "shape": f"{channels}, {height}, {width}",
        "plugins": _loading(plugins),
        "onnxruntime": ONNXRUNTIME,
    }
    known = [name for name in ("onnx", "python", "pt2", "safetensors") if name in formats]
    parts = [_SNIPPETS[name].format(**facts).rstrip() for name in known]
    if {"onnx", "safetensors"} & set(formats):
        parts.append(_SCRIPT.rstrip())
    return parts


def _loading(plugins: Sequence[str]) -> str:
    """Return the lines of Python that load the plugins; empty without plugins."""
    return f"from mgnas import load_plugins\n\nload_plugins({list(plugins)!r})\n" if plugins else ""
