"""The C code: it equals the numpy reference to the bit, has no warnings, and declares its exact costs."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.export.firmware.c_source import header_source, net_source
from space.firmware.integer_run import integer_logits
from space.networks.grid_spec import GridSpec
from space.notation.parse import parse_notation
from tests.support.firmware import COMPILER, WARNINGS, c_logits, compiled, device_networks, quantised, write_c
from tests.support.profiles import examples

SIDES = st.integers(1, 11)
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
BYTES = {"uint8_t": 1, "int8_t": 1, "int16_t": 2, "int32_t": 4, "layer": 24}


def spec_of(notation: str) -> GridSpec:
    spec = parse_notation(notation, num_classes=5)
    assert isinstance(spec, GridSpec)
    return spec


def declared(source: str) -> tuple[int, int]:
    """Return the bytes of constants and of static memory that a C source declares, counted in its text."""
    flash = sum(
        BYTES[kind] * int(number)
        for kind, number in re.findall(r"^static const (\w+) \w+\[(\d+)\]", source, re.MULTILINE)
    )
    sram = sum(
        BYTES[kind] * int(number)
        for kind, number in re.findall(r"^static (\w+) \w+\[(\d+)\]", source, re.MULTILINE)
    )
    return flash, sram


@examples(60)
@given(spec=device_networks(), height=SIDES, width=SIDES)
def test_costs_are_those_that_the_code_declares(spec: GridSpec, height: int, width: int) -> None:
    one = quantised(spec, (height, width), num_images=1)
    program = one.network.program
    source = net_source(one.network, "title")
    assert declared(source) == (program.flash_bytes, program.sram_bytes)
    number = int(re.search(r"weights\[(\d+)\]", source)[1])  # type: ignore[index]
    listed = source.split("static const int8_t weights")[1].split("};")[0].split("{", 1)[1]
    assert len(re.findall(r"-?\d+,|-?\d+\n", re.sub(r"/\*.*?\*/", "", listed))) == number


@needs_compiler
@pytest.mark.parametrize(
    "notation",
    [
        "MgNet[2,2]-[(5,6),(9,4)]-B^l",
        "PreActResNet[2,2]-[(4,8),(6,10)]-block=bottleneck-stem_channels=5-stem=imagenet-groups_b=depthwise",
    ],
)
def test_c_equals_numpy_under_sanitizers(notation: str, tmp_path: Path) -> None:
    one = quantised(spec_of(notation), (7, 10))
    program = compiled(write_c(one, tmp_path), "check.c")
    extremes = np.stack([np.zeros_like(one.images[0]), np.full_like(one.images[0], 255)])
    images = np.concatenate([one.images, extremes])
    np.testing.assert_array_equal(c_logits(program, images, 5), integer_logits(one.network, images))


@needs_compiler
@pytest.mark.slow
@examples(25)
@given(spec=device_networks(), height=SIDES, width=SIDES)
def test_c_of_any_network_equals_numpy(spec: GridSpec, height: int, width: int) -> None:
    one = quantised(spec, (height, width), num_images=3)
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(write_c(one, Path(folder)), "check.c")
        found = c_logits(program, one.images, spec.num_classes)
    np.testing.assert_array_equal(found, integer_logits(one.network, one.images))


@needs_compiler
def test_main_prints_ok_and_a_wrong_logit_fails(tmp_path: Path) -> None:
    one = quantised(spec_of("MgNet[1]-4-B^l"), (4, 4))
    folder = write_c(one, tmp_path)
    done = subprocess.run([compiled(folder, "main.c")], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.endswith("\nOK\n")
    example = folder / "example.h"
    text = example.read_text(encoding="utf-8")
    first = int(integer_logits(one.network, one.images[:1])[0, 0])
    example.write_text(
        text.replace(f"example_logits[] = {{\n    {first},", "example_logits[] = {\n    99999,")
    )
    done = subprocess.run([compiled(folder, "main.c")], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "MISMATCH")


@needs_compiler
def test_names_of_classes_cannot_break_the_code(tmp_path: Path) -> None:
    one = quantised(spec_of("MgNet[1]-4-B^l"), (4, 4))
    folder = write_c(one, tmp_path)
    classes = ['"', "*/ ??/", "\\", "über\n", "%s"]
    header = header_source(one.network, "a */ b \\", classes, 1, "RGB")
    (folder / "net.h").write_text(header, encoding="utf-8")
    done = subprocess.run([compiled(folder, "main.c")], capture_output=True, text=True, check=True)
    for name in classes:
        assert name.strip() in done.stdout


@needs_compiler
def test_code_needs_no_float_and_no_allocation(tmp_path: Path) -> None:
    one = quantised(spec_of("MgNet[2,2]-4-B^l"), (4, 4))
    source = net_source(one.network, one.spec.notation)
    assert not re.search(r"\b(float|double|malloc|free)\b", source)
    assert re.findall(r"#include .*", source) == ['#include "net.h"']


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ziglang") is None, reason="the package ziglang is not installed")
def test_cortex_m4_object_has_the_flash_and_sram_of_the_costs(tmp_path: Path) -> None:
    one = quantised(spec_of("MgNet[2,2]-[(5,6),(9,4)]-B^l"), (8, 8))
    write_c(one, tmp_path)
    target = ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4", "-Os"]
    command = [sys.executable, "-m", "ziglang", "cc", *target, *WARNINGS, "-c", "net.c", "-o", "net.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    sections = section_bytes((tmp_path / "net.o").read_bytes())
    program = one.network.program
    assert sections[".rodata"] == program.flash_bytes
    assert (
        program.sram_bytes <= sections[".bss"] <= program.sram_bytes + 1
    )  # the patch is aligned to two bytes
    assert sections[".text"] < 8 * 1024
    assert ".data" not in sections


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ziglang") is None, reason="the package ziglang is not installed")
@pytest.mark.skipif(shutil.which("qemu-arm") is None, reason="qemu-arm is not installed")
@pytest.mark.timeout(900)  # the compiler builds its C library once
def test_thumb_code_under_qemu_equals_numpy(tmp_path: Path) -> None:
    one = quantised(spec_of("MgNet[2,2]-[(5,6),(9,4)]-B^l"), (8, 8))
    write_c(one, tmp_path)
    target = ["-target", "thumb-linux-musleabihf", "-mcpu=cortex_a9", "-static", "-Os"]
    command = [sys.executable, "-m", "ziglang", "cc", *target, *WARNINGS, "check.c", "net.c", "-o", "check"]
    subprocess.run(command, cwd=tmp_path, check=True)
    found = c_logits(tmp_path / "check", one.images, 5, within=["qemu-arm"])
    np.testing.assert_array_equal(found, integer_logits(one.network, one.images))


def section_bytes(content: bytes) -> dict[str, int]:
    """Return the size of each non-empty section of a 32-bit little-endian ELF file by its name."""
    (start,) = struct.unpack_from("<I", content, 0x20)
    size, number, names = struct.unpack_from("<HHH", content, 0x2E)
    headers = [struct.unpack_from("<10I", content, start + size * index) for index in range(number)]
    texts = headers[names][4]
    found: dict[str, int] = {}
    for header in headers:
        begin = texts + header[0]
        name = content[begin : content.index(b"\0", begin)].decode()
        if header[5]:
            found[name] = found.get(name, 0) + header[5]
    return found
