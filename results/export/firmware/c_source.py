"""The C99 source of a quantised network: net.c, net.h, and what runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.export.firmware.arena import Placement, placements
from results.export.firmware.c_kernels import Variant, collect_function, fragment, step_function
from results.export.firmware.quantise import LOGIT_SCALE, IntegerNetwork, IntegerStep
from space.firmware.program import PATCH_BYTES, Tensor

WIDTH = 100
"""Characters of a line of numbers."""


def net_source(network: IntegerNetwork, title: str) -> str:
    """Return net.c.

    Args:
        network: The quantised network.
        title: One line for the comment at the top, without the end of a comment.
    """
    program = network.program
    names = _function_names(network)
    tables = dict(_tables(network))
    calls = [
        line
        for index, (one, place) in enumerate(zip(network.steps, placements(program), strict=True))
        for line in _call(index, one, place, names[Variant.of(one)], _weights_name(network, one))
    ]
    functions = [fragment("dots"), *_move(calls)]
    patches = dict.fromkeys(variant.patch for variant in names if variant.kind == "conv")
    functions += [collect_function(patch) for patch in patches]
    functions += [step_function(variant, name) for variant, name in names.items()]
    return fragment(
        "net",
        title=_comment(title),
        arena=str(program.arena_bytes),
        patch=str(program.patch_bytes // PATCH_BYTES),
        tables="\n".join(tables.values()),
        common=fragment("common", flash_sum=" + ".join(f"sizeof({name})" for name in tables)),
        functions="\n".join(functions),
        calls="\n".join(calls),
    )


def header_source(
    network: IntegerNetwork, title: str, classes: Sequence[str], macs: int, colour: str
) -> str:
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
        image=_numbers(image.reshape(-1).tolist()),
        logits=_numbers(logits.tolist()),
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


def _tables(network: IntegerNetwork) -> Iterator[tuple[str, str]]:
    """Yield the name and the C definition of each table of constants, each once."""
    for index, one in enumerate(network.steps):
        step = one.step
        if one.padding is not None:
            yield "mean_pixel", _table("uint8_t", "mean_pixel", one.padding.tolist(), "")
        if one.weights is not None and step.operator is not None:
            name = _weights_name(network, one)
            yield name, _table("int8_t", name, one.weights.reshape(-1).tolist(), step.operator.key)
        for letter, values in (("a", one.multipliers), ("e", one.factors), ("b", one.biases)):
            if values is not None and step.kind != "mean":
                name = f"{letter}_{index}"
                yield name, _table("int32_t", name, values.tolist(), step.out.name)


def _weights_name(network: IntegerNetwork, one: IntegerStep) -> str:
    if one.step.operator is None:
        return "0"
    keys = list(dict.fromkeys(s.step.operator.key for s in network.steps if s.step.operator is not None))
    return f"weights_{keys.index(one.step.operator.key)}"


def _table(kind: str, name: str, values: Iterable[int], what: str) -> str:
    comment = f" /* {what} */" if what else ""
    return f"static const {kind} {name}[] = {{{comment}\n{_numbers(values)}\n}};"


def _numbers(values: Iterable[int]) -> str:
    lines, line = [], "   "
    for value in values:
        word = f" {value},"
        if len(line) + len(word) > WIDTH:
            lines.append(line)
            line = "   "
        line += word
    return "\n".join([*lines, line]).removesuffix(",")


def _move(calls: Sequence[str]) -> list[str]:
    """Return the function that moves tensors, if a call needs it."""
    return [fragment("move")] if any("move_down(" in line for line in calls) else []


def _call(index: int, one: IntegerStep, place: Placement, name: str, weights: str) -> Iterator[str]:
    """Yield the C lines of one step.

    Args:
        index: Number of the step.
        one: Its integers.
        place: Where its tensors are.
        name: Its C function.
        weights: The name of its table of weights, or 0.
    """
    step = one.step
    for move in place.moves:
        yield f"    move_down({move.source}, {move.target}, {move.bytes});"
    source = step.source or step.out
    operator = step.operator
    kernel, groups = (operator.kernel, operator.groups) if operator is not None else (1, 1)
    m = list(one.added)
    if step.kind == "mean":
        assert one.multipliers is not None
        m = [int(one.multipliers[0])]
    tables = [
        f"{letter}_{index}" if values is not None and step.kind != "mean" else "0"
        for letter, values in (("a", one.multipliers), ("e", one.factors), ("b", one.biases))
    ]
    fields: list[Any] = [
        *source.size, source.channels, *step.out.size, step.out.channels, kernel, step.stride, groups,
        weights, *tables,
        f"(int64_t)1 << {one.bias_shift}", *(m + [0, 0])[:2], one.shift,
    ]  # fmt: skip
    read = [step.source, step.y, *(add.tensor for add in step.adds)]
    arguments = ["&c", *(_pointer(t, place, "const ") for t in read if t is not None)]
    arguments.append("logits" if step.kind == "head" else _pointer(step.out, place, ""))
    yield f"    {{ /* {step.out.name} */"
    yield f"        const layer c = {{{', '.join(map(str, fields))}}};"
    yield f"        {name}({', '.join(arguments)});"
    yield "    }"


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
