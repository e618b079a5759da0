"""The YAML metadata of a model card, as the Hugging Face hub reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from results.export.figures import Figures
from space.networks.weights_file import Trained

LICENCE = "unknown"
"""The hub's word for a licence that is not stated."""

NO_TEXT = ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf")
"""Words that YAML reads as something else than text."""


def metadata_block(trained: Trained, figures: Figures, formats: Sequence[str]) -> str:
    """Return the metadata between two lines of three dashes.

    Args:
        trained: The facts of the weights.
        figures: The accuracy to state.
        formats: The formats of the export.
    """
    spec = trained.network_spec()
    data = dataset_name(trained.data)
    metric = {
        "type": "accuracy",
        "value": round(figures.accuracy, 6),
        "name": f"{'balanced ' if figures.is_balanced else ''}accuracy ({figures.split}{figures.of_seeds})",
    }
    facts = {
        "license": LICENCE,
        "library_name": "pytorch" if "python" in formats else "mgnas",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "mgnas", "neural-architecture-search", spec.family.replace("_", "-")]
        + [name for name in ("onnx", "safetensors") if name in formats],
        "datasets": [data],
        "metrics": ["accuracy"],
        "model-index": [
            {
                "name": spec.notation,
                "results": [
                    {
                        "task": {"type": "image-classification", "name": "Image classification"},
                        "dataset": {"type": data, "name": trained.data, "split": figures.split},
                        "metrics": [metric],
                    }
                ],
            }
        ],
    }
    return f"---\n{yaml_text(facts)}---\n"


def dataset_name(data: str) -> str:
    """Return the name of a data set in the characters that the hub allows."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", data).strip("-.")[:96] or "images"


def yaml_text(value: Any, indent: int = 0) -> str:
    """Return mappings and lists as YAML blocks; texts are quoted as in JSON, which YAML includes."""
    space = "  " * indent
    if isinstance(value, Mapping):
        lines = []
        for key, item in value.items():
            nested = bool(item) and isinstance(item, Mapping | list)
            lines.append(
                f"{space}{key}:" + (f"\n{yaml_text(item, indent + 1)}" if nested else f" {_scalar(item)}\n")
            )
        return "".join(lines)
    lines = []
    for item in value:
        if isinstance(item, Mapping):
            text = yaml_text(item, indent + 1)
            lines.append(f"{space}- {text[len(space) + 2 :]}")
        else:
            lines.append(f"{space}- {_scalar(item)}\n")
    return "".join(lines)


def _scalar(value: Any) -> str:
    is_plain = isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9-]*", value) and value not in NO_TEXT
    return str(value) if is_plain else json.dumps(value)
