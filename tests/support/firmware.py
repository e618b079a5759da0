"""Networks with random weights and batch norms as integer programs, and their C code compiled and run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from results.export.firmware.c_source import example_source, fixed_source, header_source, net_source
from space.firmware.integer_run import integer_logits
from space.firmware.programs import program_of, why_no_program
from space.firmware.quantise import IntegerNetwork, quantise
from space.modules.build import build
from space.networks.grid_spec import GridSpec
from tests.support.strategies import networks

MEANS = (51 / 255, 102 / 255, 204 / 255, 153 / 255)
"""Means that are whole pixel values, so that padding is exact."""
STDS = (0.2, 0.3, 0.4, 0.25)
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Wshadow", "-Werror")
SANITIZERS = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMPILER = shutil.which("gcc") or shutil.which("cc")


def device_networks() -> st.SearchStrategy[GridSpec]:
    """Networks of every family with any hyperparameters that have int8 code."""
    relu = networks().map(lambda spec: spec.replaced(activation="relu"))
    return relu.filter(lambda spec: why_no_program(spec) is None)


class Quantised(NamedTuple):
    """A network, its images (uint8 N H W C), its float logits and its integers."""

    spec: GridSpec
    images: NDArray[np.uint8]
    weights: dict[str, NDArray[np.float32]]
    expected: NDArray[np.float32]
    network: IntegerNetwork

    @property
    def mean(self) -> tuple[float, ...]:
        return MEANS[: self.spec.in_channels]

    @property
    def std(self) -> tuple[float, ...]:
        return STDS[: self.spec.in_channels]


def random_network(spec: GridSpec, seed: int = 0) -> nn.Module:
    """Return a network whose batch norms and scalars are random too; some gammas are negative."""
    torch.manual_seed(seed)
    network = build(spec).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    for name, parameter in network.named_parameters():
        if name.endswith(("omega", "values")):
            nn.init.normal_(parameter)
    return network


def quantised(spec: GridSpec, size: tuple[int, int], num_images: int = 6, seed: int = 0) -> Quantised:
    """Return a random network, quantised on random images."""
    network = random_network(spec, seed)
    channels = spec.in_channels
    images = np.random.default_rng(seed).integers(0, 256, (num_images, *size, channels), dtype=np.uint8)
    mean, std = (torch.tensor(v[:channels])[None, :, None, None] for v in (MEANS, STDS))
    with torch.no_grad():
        expected = network((torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / std).numpy()
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    integers = quantise(program_of(spec, size), weights, images, MEANS[:channels], STDS[:channels])
    return Quantised(spec, images, weights, expected, integers)


def write_c(one: Quantised, folder: Path) -> Path:
    """Write the C files of a network into a new folder, with its first image as the example."""
    folder.mkdir(parents=True, exist_ok=True)
    spec, images = one.spec, one.images
    title = spec.notation
    classes = [f"class {index}" for index in range(spec.num_classes)]
    macs = spec.macs(images.shape[1:3])
    header = header_source(one.network, title, classes, macs, "RGB")
    (folder / "net.c").write_text(net_source(one.network, title), encoding="utf-8")
    (folder / "net.h").write_text(header, encoding="utf-8")
    logits = integer_logits(one.network, images[:1])[0]
    (folder / "example.h").write_text(example_source(images[0], logits, "random"), encoding="utf-8")
    for name in ("main.c", "check.c", "firmware.ino"):
        (folder / name).write_text(fixed_source(name), encoding="utf-8")
    return folder


def compiled(folder: Path, main: str, *options: str) -> Path:
    """Compile net.c with a file that has ``main``, without warnings, and return the program."""
    assert COMPILER is not None
    program = folder / main.removesuffix(".c")
    command = [COMPILER, *(options or (*WARNINGS, *SANITIZERS)), "net.c", main, "-o", program.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


def c_logits(
    program: Path, images: NDArray[np.uint8], num_classes: int, *, within: Sequence[str] = ()
) -> NDArray[np.int32]:
    """Return the logits N K that the compiled ``check.c`` computes; ``within`` is a command that runs it."""
    done = subprocess.run([*within, program], input=images.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.int32).reshape(-1, num_classes)
