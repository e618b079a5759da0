"""From a spec of any family to its torch module."""

from __future__ import annotations

from torch import nn

from space.mgnet import MgNetSpec
from space.modules.mgnet import MgNet
from space.spec import Spec


def build(spec: Spec) -> nn.Module:
    """Return the freshly initialised network of ``spec``; it maps images N C H W to logits N K.

    Initialisation draws from torch's global generator: seed or fork it around the call.
    """
    if isinstance(spec, MgNetSpec):
        return MgNet(spec.canonical())
    raise AssertionError(f"no module for the family {spec.family!r}")
