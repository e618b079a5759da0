"""From a spec of any family to its torch module."""

from __future__ import annotations

from torch import nn

from space.core.errors import shown
from space.modules.thin_projections import with_thin_projections
from space.networks.families import family_named
from space.networks.spec import Spec


def build(spec: Spec) -> nn.Module:
    """Return the freshly initialised network of ``spec``; it maps images N C H W to logits N K.

    Initialisation draws from torch's global generator: seed or fork it around the call.

    Raises:
        TypeError: ``spec`` is none, such as its notation.
    """
    if not isinstance(spec, Spec):
        raise TypeError(f"build takes a spec, such as space.parse_notation returns, but got {shown(spec)}")
    return with_thin_projections(family_named(spec.family, "build").build(spec.canonical()))
