"""The text of ``model.py``: constants, the modules of the family, loading and preprocessing."""

from __future__ import annotations

import re
from string import Template

from results.export.preprocessing import Preprocessing
from results.export.standalone.mgnet import mgnet_modules
from results.export.standalone.parts import fields_of, template
from results.export.standalone.resnet import preact_resnet_modules, resnet_modules
from space.networks.mgnet import MgNetSpec
from space.networks.resnet import PreActResNetSpec, ResNetSpec
from space.networks.smoothers import Convolution, Linear, Quadratic, TwoStep
from space.networks.spec import Spec
from space.networks.weights_file import Trained

MODULE_FILE = "model.py"
SMOOTHERS = (Convolution, Linear, Quadratic, TwoStep)
"""The smoothers whose equations the templates know."""


def why_not_standalone(spec: Spec) -> str | None:
    """Return why there is no stand-alone file of a network; None if there is one."""
    if not isinstance(spec, MgNetSpec | ResNetSpec | PreActResNetSpec):
        return (
            f"the family {spec.family} comes from a plugin, and a stand-alone file is generated for mgnet, "
            "resnet and preact_resnet only; onnx and pt2 need no mgnas either"
        )
    if isinstance(spec, MgNetSpec) and not isinstance(spec.smoother, SMOOTHERS):
        return f"the smoother {spec.smoother.kind} has no template in results/export/standalone"
    return None


def standalone_source(trained: Trained) -> str:
    """Return a Python file that builds the network with torch alone.

    Its class ``Network`` has the names of weights of ``model.safetensors``. It maps images with pixels from 0
    to 1 to logits; the normalisation is included.

    Args:
        trained: The facts of the weights.
    """
    spec = trained.network_spec().canonical()
    assert why_not_standalone(spec) is None
    if isinstance(spec, MgNetSpec):
        modules = mgnet_modules(spec)
    elif isinstance(spec, ResNetSpec):
        modules = resnet_modules(spec)
    else:
        assert isinstance(spec, PreActResNetSpec)
        modules = preact_resnet_modules(spec)
    interface = Preprocessing.of(trained)
    flip = "        flipped = self.logits(x.flip(3))\n        return (self.logits(x) + flipped) / 2\n"
    facts = {
        "NOTATION": spec.notation.replace("\\", "\\\\"),
        "NETWORK": repr(spec.notation),
        "CLASSES": _tuple_of_lines(trained.classes),
        "IMAGE_SIZE": repr(tuple(trained.image_size)),
        "CHANNELS": str(spec.in_channels),
        "COLOUR": repr(interface.colour),
        "MEAN": repr(tuple(trained.mean)),
        "STD": repr(tuple(trained.std)),
        "MODULES": modules.strip("\n"),
        "LOGITS": flip if trained.test_flip else "        return self.logits(x)\n",
    }
    text = Template(template("module")).substitute(facts | fields_of(spec))
    if "gcd(" not in text:
        text = text.replace("from math import gcd\n", "")
    return re.sub(r"\n{4,}", "\n\n\n", text)


def _tuple_of_lines(names: tuple[str, ...]) -> str:
    """Return class names as the text of a tuple, wrapped at 100 characters."""
    lines, line = [], "   "
    for name in names:
        word = f" {ascii(name) if not name.isprintable() else repr(name)},"
        if len(line) + len(word) > 100 and line.strip():
            lines.append(line)
            line = "   "
        line += word
    return "(\n" + "\n".join([*lines, line]) + "\n)"
