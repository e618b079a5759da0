"""``mgnas describe SPEC``: the exact counts of a network, without a training."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from results.tables import print_json, print_layers
from space.core.errors import InvalidInputError, shown
from space.firmware.programs import device_costs, why_no_program
from space.limits import KIB, MIB
from space.networks.counts import LayerCount
from space.networks.load import read_spec
from space.networks.references import Reference, find_reference
from space.networks.spec import Spec

AT_MOST = 1_000_000
"""Limit of the image side in pixels, of channels and of classes."""


@dataclass(frozen=True)
class ImageOptions:
    """The image format from the command line; the value of an omitted option is None."""

    size: int | None
    channels: int | None
    classes: int | None

    def check(self) -> None:
        """Check the range of the numbers.

        Raises:
            InvalidInputError: A number is below 1 or above ``AT_MOST``.
        """
        for option, value in (
            ("--image-size", self.size),
            ("--channels", self.channels),
            ("--classes", self.classes),
        ):
            if value is not None and not 1 <= value <= AT_MOST:
                raise InvalidInputError(f"{option} must be from 1 to {AT_MOST}, but got {shown(value)}")


def describe_network(text: str, images: ImageOptions, as_json: bool) -> None:
    """Print notation, identity, parameters, MACs, memory and layers of the network named ``text``.

    Raises:
        InvalidInputError: The network cannot be read, or a number is out of range.
    """
    images.check()
    spec = read_spec(text, in_channels=images.channels, num_classes=images.classes)
    for option, given, own in (
        ("--channels", images.channels, spec.in_channels),
        ("--classes", images.classes, spec.num_classes),
    ):
        if given is not None and given != own:
            raise InvalidInputError(
                f"{option} is {given}, but {text} says {own}; leave the option out for a file"
            )
    is_file = text.strip().lower().endswith(".json")
    reference = None if is_file else find_reference(text.strip())
    size = images.size or (reference.image_size if reference else 32)
    layers = spec.layers(size)
    figures = _figures(spec, size, reference)
    if as_json:
        rows = [layer._asdict() | {"out": list(layer.out)} for layer in layers]
        print_json(figures | {"spec": spec.to_dict(), "layers": rows})
    else:
        _print(spec, figures, layers, reference)


def _figures(spec: Spec, size: int, reference: Reference | None) -> dict[str, Any]:
    counts = spec.counts(size)
    figures: dict[str, Any] = {
        "notation": spec.notation,
        "arch": spec.arch,
        "params": counts.params,
        "macs": counts.macs,
        "activation_bytes": counts.activation_bytes,
        **_device_figures(spec, size),
        "image_size": size,
        "in_channels": spec.in_channels,
        "num_classes": spec.num_classes,
    }
    if reference is not None:
        figures["reference"] = {
            "name": reference.name,
            "scale": reference.scale,
            "published_params": reference.params,
            "published_accuracies": reference.accuracies,
            "source": reference.source,
        }
    return figures


def _device_figures(spec: Spec, size: int) -> dict[str, Any]:
    """Return flash and SRAM of the int8 C code; none for a network without such code."""
    return {} if why_no_program(spec) else device_costs(spec, size)._asdict()


def _print(
    spec: Spec, figures: dict[str, Any], layers: list[LayerCount], reference: Reference | None
) -> None:
    size = figures["image_size"]
    lines = [
        spec.notation,
        f"  arch         {figures['arch']}",
        f"  parameters   {figures['params']:,}",
        f"  MACs         {figures['macs']:,} for one image of {size} x {size} x {spec.in_channels}; "
        f"{spec.num_classes} classes",
        f"  training     {figures['activation_bytes'] / MIB:.3f} MiB of activations for each image of a step "
        "(float32); not memory of inference",
    ]
    if reason := why_no_program(spec):
        lines.append(f"  int8 C code  none: {reason}")
    else:
        lines.append(
            f"  int8 C code  {figures['flash_bytes'] / KIB:,.2f} KiB of flash without the code itself, "
            f"{figures['sram_bytes'] / KIB:,.2f} KiB of SRAM"
        )
    if reference is not None:
        accuracies = "".join(f", {name} {value:.2f} %" for name, value in reference.accuracies.items())
        scaled = "" if reference.scale == 1 else f"; here with widths times {reference.scale:g}"
        lines.append(f"  published    {reference.params}{accuracies}: {reference.source}{scaled}")
    sys.stdout.write("\n".join(lines) + "\n\n")
    print_layers(layers, sys.stdout)
