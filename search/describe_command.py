"""``mgnas describe``: a network's exact figures, before anything is trained."""

from __future__ import annotations

import sys

from results.tables import print_json, print_layers
from space.errors import InvalidInputError
from space.reading import read_spec


def describe_network(
    text: str, image_size: int, channels: int | None, classes: int | None, as_json: bool
) -> None:
    """Print notation, identity, parameters, MACs and layers of the network that ``text`` names.

    Raises:
        InvalidInputError: the network cannot be read, or a number is below 1.
    """
    for option, value in (("--image-size", image_size), ("--channels", channels), ("--classes", classes)):
        if value is not None and value < 1:
            raise InvalidInputError(f"{option} must be at least 1, but got {value}")
    spec = read_spec(text, in_channels=channels or 3, num_classes=classes or 10)
    for option, given, own in (
        ("--channels", channels, spec.in_channels),
        ("--classes", classes, spec.num_classes),
    ):
        if given is not None and given != own:
            raise InvalidInputError(
                f"{option} is {given}, but {text} says {own}; leave the option out for a file"
            )
    layers = spec.layers(image_size)
    figures = {
        "notation": spec.notation,
        "arch": spec.arch,
        "params": spec.params,
        "macs": spec.macs(image_size),
        "image_size": image_size,
        "in_channels": spec.in_channels,
        "num_classes": spec.num_classes,
    }
    if as_json:
        rows = [vars(layer) | {"out": list(layer.out)} for layer in layers]
        print_json(figures | {"spec": spec.to_dict(), "layers": rows})
        return
    sys.stdout.write(f"{spec.notation}\n")
    sys.stdout.write(f"  arch        {spec.arch}\n")
    sys.stdout.write(f"  parameters  {spec.params:,}\n")
    sys.stdout.write(
        f"  MACs        {spec.macs(image_size):,} for one image of {image_size} x {image_size} x "
    )
    sys.stdout.write(f"{spec.in_channels}; {spec.num_classes} classes\n\n")
    print_layers(layers, sys.stdout)
