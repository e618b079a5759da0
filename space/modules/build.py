"""The torch module of a spec of any family."""

from __future__ import annotations

from torch import nn

from space.core.errors import shown
from space.modules.thin_projections import with_thin_projections
from space.networks.families import family_named
from space.networks.spec import Spec


def build(spec: Spec) -> nn.Module:
    """Build the network of a spec, with random weights; it maps images N C H W to logits N K.

    Initialisation uses torch's global generator. Seed it before the call for repeatable weights.

    Raises:
        TypeError: ``spec`` is not a spec.

    Example:
        >>> network = mgnas.build(mgnas.parse_notation("MgNet[2,2]-16-B^l"))
    """
    if not isinstance(spec, Spec):
        raise TypeError(f"build takes a spec, such as mgnas.parse_notation returns, but got {shown(spec)}")
    return with_thin_projections(family_named(spec.family, "build").build(spec.canonical()))
