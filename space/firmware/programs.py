"""The program of any network, or the reason that it has none."""

from __future__ import annotations

from typing import NamedTuple

from space.core.errors import InvalidInputError, shortened
from space.firmware.mgnet import MgNetProgram
from space.firmware.program import Program
from space.firmware.resnet import ResidualProgram
from space.networks.counts import Size, as_size
from space.networks.grid_spec import GridSpec
from space.networks.mgnet import MgNetSpec
from space.networks.resnet import ResidualSpec
from space.networks.smoothers import SMOOTHERS, Convolution, Linear, Quadratic, TwoStep
from space.networks.spec import Spec

KNOWN_SMOOTHERS = (Convolution, Linear, Quadratic, TwoStep)
LARGEST_SUM = 2**31 // (256 * 128)
"""Most products of one output value whose sum fits into 32 bits."""
LARGEST_SIDE = 2**16 - 1
"""Most rows, columns and channels: 16 bits."""

assert set(SMOOTHERS.values()) >= set(KNOWN_SMOOTHERS)


def why_no_program(spec: Spec) -> str | None:
    """Return why a network has no program for microcontrollers; None if it has one."""
    if not isinstance(spec, MgNetSpec | ResidualSpec):
        return f"the family {spec.family} comes from a plugin; use mgnet, resnet or preact_resnet"
    if isinstance(spec, MgNetSpec) and not isinstance(spec.smoother, KNOWN_SMOOTHERS):
        return f"the smoother {spec.smoother.kind} has no integer form; use one of {', '.join(SMOOTHERS)}"
    if spec.activation != "relu":
        return f"the activation {spec.activation} has no integer form; use relu"
    return None


def program_of(spec: Spec, image_size: Size) -> Program:
    """Return the program of a network for one image.

    Args:
        spec: The network.
        image_size: Height and width in pixels, or one number for square images.

    Raises:
        InvalidInputError: The network has no program.
    """
    program = _program(spec, as_size(image_size))
    if reason := _too_large(program):
        raise InvalidInputError(f"{shortened(spec.notation)} has no int8 C code: {reason}")
    return program


class DeviceCosts(NamedTuple):
    """The bytes of constants and of static memory of a network's int8 C code, for one image."""

    flash_bytes: int
    sram_bytes: int


def device_costs(spec: Spec, image_size: Size) -> DeviceCosts:
    """Return the exact bytes that the C code of a network declares, also of one that is too large for 32 bits.

    Args:
        spec: The network.
        image_size: Height and width in pixels, or one number for square images.

    Raises:
        InvalidInputError: The network has no C code.
    """
    program = _program(spec, as_size(image_size))
    return DeviceCosts(program.flash_bytes, program.sram_bytes)


def _program(spec: Spec, size: tuple[int, int]) -> Program:
    """Return the program of a network of any size; see ``program_of``."""
    if reason := why_no_program(spec):
        raise InvalidInputError(f"{shortened(spec.notation)} has no int8 C code: {reason}")
    canonical = spec.canonical()
    assert isinstance(canonical, GridSpec)
    if isinstance(canonical, MgNetSpec):
        return MgNetProgram(canonical, size).program()
    assert isinstance(canonical, ResidualSpec)
    return ResidualProgram(canonical, size).program()


def _too_large(program: Program) -> str | None:
    """Return the number of a program that the C code cannot hold."""
    operators = [step.operator for step in program.steps if step.operator is not None]
    if (most := max(operator.num_inputs for operator in operators)) > LARGEST_SUM:
        return f"it sums {most} products, but 32 bits hold {LARGEST_SUM}; use fewer channels"
    sides = (*program.image.size, *(step.out.channels for step in program.steps))
    if (most := max(sides)) > LARGEST_SIDE:
        return f"a tensor has {most} channels or rows, but the code has at most {LARGEST_SIDE}"
    return None
