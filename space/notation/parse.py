"""From a notation to a spec of any family."""

from __future__ import annotations

from space.core.cursor import Reader
from space.networks.families import spec_types
from space.networks.spec import Spec


def parse_notation(text: str, *, in_channels: int = 3, num_classes: int = 10) -> Spec:
    """Return the spec of a notation; spaces between its parts do not matter.

    Args:
        text: The notation, such as ``MgNet[2,2]-64-B^l`` or ``ResNet18-A^l-B^{l,i}``.
        in_channels: Channels of an image.
        num_classes: Number of classes.

    Raises:
        InvalidInputError: the text is not the notation of a network; the message points at the character.

    Example:
        >>> parse_notation("MgNet[2,2,2,2]-256-B^l").params
        8278794
    """
    reader = Reader(text)
    names = {spec_type.notation_name: spec_type for spec_type in spec_types()}
    name = reader.one_of(list(names), f"a network's family ({', '.join(names)})")
    spec = names[name].read_notation(reader, {"in_channels": in_channels, "num_classes": num_classes})
    if not reader.at_end():
        reader.fail("expected the end")
    return spec
