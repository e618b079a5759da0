"""Programs: what they cost, what they leave out, and which networks have none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.core.errors import InvalidInputError
from space.firmware.program import Program, Tensor, in_place
from space.firmware.programs import program_of, why_no_program
from space.networks.families import register_family
from space.networks.grid_spec import GridSpec
from space.networks.mgnet import MgNetSpec
from space.networks.spec import Spec
from space.notation.parse import parse_notation
from tests.support.firmware import device_networks
from tests.support.profiles import examples

SIDES = st.integers(1, 13)


def program(notation: str, size: int = 8) -> Program:
    return program_of(parse_notation(notation, in_channels=3, num_classes=10), size)


def test_flash_of_an_mgnet_is_the_sum_of_its_tables() -> None:
    found = program("MgNet[3]-8-B^l")
    weights = 27 * 8 + 72 * 8 + 72 * 8 + 8 * 10  # stem, A, B, head: A and B once
    stem, first_signal, first_u = 2 * 8, 2 * 8, 2 * 8  # the first u is not added: it is 0
    signal, u = 3 * 8, 2 * 8 + 1
    head = 1 + 2 * 10
    tables = 4 * (stem + first_signal + first_u + 2 * (signal + u) + head)
    assert len(found.steps) == 1 + 3 * 2 + 2
    assert found.flash_bytes == weights + tables + 24 * len(found.steps) + 3


def test_sram_of_an_mgnet_is_the_peak_of_living_tensors() -> None:
    found = program("MgNet[2,2]-[(8,6),(10,12)]-B^l")
    level, transition = 64 * (8 + 2 * 6), max(64 * (8 + 6) + 16 * 12, 64 * 8 + 16 * (12 + 10))
    assert found.arena_bytes == max(level, transition) == 1280
    assert found.patch_bytes == 2 * 9 * 12
    assert found.sram_bytes == 1280 + 216


def test_shared_operators_are_stored_once_however_deep_the_network_is() -> None:
    def weights(nu: int) -> set[str]:
        steps = program(f"MgNet[{nu}]-8-B^l").steps
        return {step.operator.key for step in steps if step.operator is not None}

    assert (
        weights(2)
        == weights(5)
        == {"stem.weight", "levels.0.A.0.weight", "levels.0.B.0.weight", "head.weight"}
    )


def test_operators_without_effect_vanish() -> None:
    steps = program("MgNet[1]-8-B^l").steps
    assert [step.operator.key for step in steps if step.operator is not None] == [
        "stem.weight",
        "levels.0.B.0.weight",
        "head.weight",
    ]


def test_features_are_updated_in_place() -> None:
    deep, shallow = program("MgNet[9]-8-B^l"), program("MgNet[2]-8-B^l")
    assert deep.sram_bytes == shallow.sram_bytes


def living(found: Program) -> Iterator[list[Tensor]]:
    """Yield for each step the tensors in memory while it runs; an output in place counts once."""
    last_step = found.last_uses()
    alive = [found.image]
    for index, step in enumerate(found.steps):
        dying = [tensor for tensor in alive if last_step[tensor.name] <= index]
        if step.kind != "head" and in_place(step, dying) is None:
            alive.append(step.out)
        yield alive
        alive = [tensor for tensor in alive if tensor not in dying]
        if step.kind != "head" and step.out not in alive:
            alive.append(step.out)


@examples(100)
@given(spec=device_networks(), height=SIDES, width=SIDES)
def test_steps_read_only_tensors_in_memory(spec: GridSpec, height: int, width: int) -> None:
    found = program_of(spec, (height, width))
    for step, alive in zip(found.steps, living(found), strict=True):
        assert set(step.operands) <= set(alive)
    assert max(sum(tensor.bytes for tensor in alive) for alive in living(found)) == found.arena_bytes
    assert found.steps[-1].out.channels == spec.num_classes
    names = [found.image.name, *(step.out.name for step in found.steps)]
    assert len(set(names)) == len(names)


@examples(50)
@given(spec=device_networks(), side=SIDES)
def test_equal_networks_cost_the_same(spec: GridSpec, side: int) -> None:
    found, canonical = program_of(spec, side), program_of(spec.canonical(), side)
    assert (found.flash_bytes, found.sram_bytes) == (canonical.flash_bytes, canonical.sram_bytes)


def test_activations_other_than_relu_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="the activation silu has no integer form; use relu"):
        program("MgNet[1]-8-B^l-activation=silu")


def test_plugins_are_refused() -> None:
    class PluginSpec(Spec):
        family: Literal["plugin_without_c"] = "plugin_without_c"

    register_family(PluginSpec, lambda _spec: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(InvalidInputError, match="the family plugin_without_c comes from a plugin"):
        program_of(PluginSpec(), 8)


def test_sums_beyond_32_bits_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="it sums 72000 products, but 32 bits hold 65536"):
        program("MgNet[1]-8000-B^l", 1)


def test_too_large_images_are_refused() -> None:
    spec = MgNetSpec.model_validate({"levels": [{"nu": 1, "c_u": 1, "c_f": 1}]})
    assert why_no_program(spec) is None
    with pytest.raises(InvalidInputError, match="70000 channels or rows, but the code has at most 65535"):
        program_of(spec, (70_000, 1))


@examples(100)
@given(
    spec=device_networks(), side=SIDES, level=st.integers(0, 2), field=st.sampled_from(["nu", "c_u", "c_f"])
)
def test_costs_rise_with_depth_and_width(spec: GridSpec, side: int, level: int, field: str) -> None:
    """Searches count on it where no weights are shared over the network, pooled or grouped."""
    plain = {"activation": "relu", "groups_b": 1, "share_a": "level", "share_b": "iteration"}
    if isinstance(spec, MgNetSpec):
        plain |= {"interpolation": "conv", "restriction": "conv"}
    else:
        plain |= {"stem_channels": None}
    spec = spec.replaced(**plain)
    levels = list(spec.levels)
    chosen = levels[level % len(levels)]
    changes = {field: getattr(chosen, field) + 1}
    if field != "nu" and isinstance(spec, MgNetSpec) and spec.smoother.same_width:
        changes = {"c_u": chosen.c_u + 1, "c_f": chosen.c_f + 1}
    levels[level % len(levels)] = chosen.model_copy(update=changes)
    smaller, larger = program_of(spec, side), program_of(spec.replaced(levels=tuple(levels)), side)
    assert smaller.flash_bytes < larger.flash_bytes
    assert smaller.sram_bytes <= larger.sram_bytes
