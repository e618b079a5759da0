"""The C99 source of a quantised network: net.c, net.h, and what runs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.export.firmware.arena import Placement, placements
from results.export.firmware.c_constants import Constants, numbers
from results.export.firmware.c_kernels import Variant, collect_function, fragment, step_function
from space.firmware.program import PATCH_BYTES, Tensor
from space.firmware.quantise import LOGIT_SCALE, IntegerNetwork, IntegerStep


def net_source(network: IntegerNetwork, title: str) -> str:
    """Return net.c.

    Args:
        network: The quantised network.
        title: One line for the comment at the top, without the end of a comment.
    """
    program = network.program
    names = _function_names(network)
    calls = [
        line
        for index, (one, place) in enumerate(zip(network.steps, placements(program), strict=True))
        for line in _call(index, one, place, names[Variant.of(one)])
    ]
    constants = Constants(network)
    functions = [fragment("dots"), *_move(calls)]
    patches = dict.fromkeys(variant.patch for variant in names if variant.kind == "conv")
    functions += [collect_function(patch) for patch in patches]
    functions += [step_function(variant, name) for variant, name in names.items()]
    return _template(
        "net",
        title=_comment(title),
        arena=program.arena_bytes,
        patch=program.patch_bytes // PATCH_BYTES,
        channels=program.image.channels,
        mean_pixel=", ".join(map(str, constants.mean_pixel)),
        num_weights=constants.num_weights,
        weights="\n".join(constants.weights),
        num_tables=constants.num_tables,
        tables="\n".join(constants.tables),
        common=_template("common", num_layers=len(constants.layers), layers="\n".join(constants.layers)),
        functions="\n".join(functions),
        calls="\n".join(calls),
    )


def header_source(network: IntegerNetwork, title: str, classes: Sequence[str], macs: int, colour: str) -> str:
    """Return net.h.

    Args:
        network: The quantised network.
        title: See ``net_source``.
        classes: Names of the classes.
        macs: Multiply-accumulates of one image.
        colour: The order of the channels.
    """
    program = network.program
    height, width = program.image.size
    return _template(
        "net.h",
        title=_comment(title),
        height=height,
        width=width,
        channels=program.image.channels,
        classes=len(classes),
        unit=LOGIT_SCALE,
        macs=macs,
        flash=program.flash_bytes,
        sram=program.sram_bytes,
        names=" \\\n".join(f"    {_string(name)}," for name in classes),
        colour=_comment(colour),
    )


def example_source(image: NDArray[np.uint8], logits: NDArray[np.int32], origin: str) -> str:
    """Return example.h.

    Args:
        image: H W C.
        logits: K.
        origin: What the image is.
    """
    return _template(
        "example.h",
        image=numbers(image.reshape(-1).tolist()),
        logits=numbers(logits.tolist()),
        origin=_comment(origin),
    )


def fixed_source(name: str) -> str:
    """Return a file that is the same for all networks: ``main.c``, ``firmware.ino`` or ``check.c``."""
    return _template(name)


def _template(name: str, **values: Any) -> str:
    return fragment(name, **{key: str(value) for key, value in values.items()})


def _function_names(network: IntegerNetwork) -> dict[Variant, str]:
    """Return the name of each C function by its variant, in the order of the first use."""
    names: dict[Variant, str] = {}
    for one in network.steps:
        variant = Variant.of(one)
        if variant not in names:
            number = sum(other.kind == variant.kind for other in names) + 1
            names[variant] = f"{variant.kind}_{number}"
    return names


def _move(calls: Sequence[str]) -> list[str]:
    """Return the function that moves tensors, if a call needs it."""
    return [fragment("move")] if any("move_down(" in line for line in calls) else []


def _call(index: int, one: IntegerStep, place: Placement, name: str) -> Iterator[str]:
    """Yield the C lines of one step.

    Args:
        index: Number of the step.
        one: Its integers.
        place: Where its tensors are.
        name: Its C function.
    """
    step = one.step
    for move in place.moves:
        yield f"    move_down({move.source}, {move.target}, {move.bytes});"
    read = [step.source, step.y, *(add.tensor for add in step.adds)]
    arguments = [f"&layers[{index}]", *(_pointer(t, place, "const ") for t in read if t is not None)]
    arguments.append("logits" if step.kind == "head" else _pointer(step.out, place, ""))
    yield f"    {name}({', '.join(arguments)}); /* {step.out.name} */"


def _pointer(tensor: Tensor, place: Placement, const: str) -> str:
    offset = place.offsets[tensor]
    return f"({const}int8_t *)(arena + {offset})" if tensor.is_signed else f"arena + {offset}"


def _comment(text: str) -> str:
    """Return text that cannot end a comment or continue its line."""
    return " ".join(text.replace("*/", "* /").replace("\\", "/").replace("??", "? ?").split())


def _string(text: str) -> str:
    """Return a C string of UTF-8 bytes."""
    escaped = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{"".join(escaped)}"'
