"""What the templates of all families share: their files, activations and the stem."""

from __future__ import annotations

from importlib import resources

from space.networks.grid_spec import GridSpec

SIGMA = {
    "relu": "F.relu(x)",
    "leaky_relu": "F.leaky_relu(x)",
    "silu": "F.silu(x)",
    "gelu": "F.gelu(x)",
    "hardswish": "F.hardswish(x)",
}
"""The activations as Python expressions."""


def template(name: str) -> str:
    """Return the text of a template of this folder."""
    file = resources.files("results.export.standalone") / "templates" / f"{name}.txt"
    return file.read_text(encoding="utf-8")


def fields_of(spec: GridSpec) -> dict[str, str]:
    """Return the fields of the template that do not depend on the family."""
    return {"SIGMA": SIGMA[spec.activation], "NUM_CLASSES": str(spec.num_classes)}


def levels_of(spec: GridSpec) -> str:
    """Return the levels as the text of a tuple of (nu, c_u, c_f)."""
    rows = ", ".join(f"({level.nu}, {level.c_u}, {level.c_f})" for level in spec.levels)
    return f"({rows},)"


def stem_of(spec: GridSpec, channels: int, *, norm: bool) -> tuple[str, str]:
    """Return the lines that make the stem, and the expression that applies it to ``x``."""
    is_large = spec.stem == "imagenet"
    kernel, stride = (7, 2) if is_large else (3, 1)
    lines = [f"self.stem = conv({spec.in_channels}, {channels}, kernel={kernel}, stride={stride})"]
    applied = "self.stem(x)"
    if norm:
        lines.append(f"self.stem_norm = NormAct({channels})")
        applied = f"self.stem_norm({applied})"
    if is_large:
        applied = f"F.max_pool2d({applied}, 3, stride=2, padding=1)"
    return "\n".join(f"        {line}" for line in lines), applied


def groups_text(groups: int | str) -> str:
    """Return the groups of a convolution of ``c_in`` and ``c_out`` channels as a Python expression."""
    if groups == 1:
        return ""
    first = "" if groups == "depthwise" else f"{groups}, "
    return f", groups=gcd({first}c_in, c_out)"
