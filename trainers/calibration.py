"""Which way of computing a step is fastest on a device: tried out once, and kept.

What is fastest depends on how much there is to compute, so networks are sorted into classes by their MACs,
and each class is tried out, with a network of its own, when the first network of that class is trained.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from space.files import write_atomic
from space.notation import parse_notation
from space.spec import Spec
from trainers.cuda_graph import WARM_UP_STEPS
from trainers.device_data import Batch
from trainers.execution import ExecutionConfig, StepMode
from trainers.recipe import Recipe
from trainers.step import TrainStep

GAIN = 0.9
"""A way other than the plain one must take less than this share of its time: small gains are noise."""
REPEATS = 4
CPU_FACTS = (
    "vendor_id",
    "model name",
    "cpu family",
    "model",
    "flags",
    "CPU implementer",
    "CPU part",
    "Features",
)
"""Lines of Linux's /proc/cpuinfo that tell processors apart, of x86 and of Arm."""


@dataclass(frozen=True)
class Probe:
    """The network that stands for all of up to ``most_macs``, and what it is tried out on."""

    name: str
    most_macs: float
    notation: str
    image_size: int
    batch_size: int


PROBES = (
    Probe("small", 1e6, "MgNet[2,2]-8-B^l", 8, 64),
    Probe("medium", 3e7, "MgNet[2,2,2]-[16,32,48]-B^l", 16, 32),
    Probe("large", float("inf"), "MgNet[2,2,2]-[32,64,128]-B^l", 32, 16),
)
CUDA_PROBES = (
    Probe("small", 1e6, "MgNet[2,2]-8-B^l", 8, 64),
    Probe("medium", 1e8, "MgNet[2,2,2]-[16,32,48]-B^l", 32, 128),
    Probe("large", float("inf"), "MgNet[2,2,2,2]-128-B^l", 32, 128),
)


class Calibration:
    """What was found for one device and number of threads, kept in ``folder`` and in the user's cache.

    A folder of its own keeps a study as it began; the cache makes studies on one device train alike.
    Several processes may share both: what one is trying out, the others wait for. ``tell`` is called once,
    before the first time that something is tried out: that takes seconds.
    """

    def __init__(
        self,
        device: torch.device,
        folder: str | Path,
        memory_share: float = 1.0,
        tell: Callable[[], None] | None = None,
    ) -> None:
        self.device = device
        self.memory_share = memory_share
        self._tell = tell
        self.path = Path(folder) / f"{_device_key(device)}.json"
        self.users_path = cache_folder() / "calibration" / self.path.name

    def mode(
        self, spec: Spec, recipe: Recipe, config: ExecutionConfig, image_size: tuple[int, int]
    ) -> StepMode:
        """Return how ``spec`` is to be trained: as configured, and the fastest way where that is auto.

        Raises:
            OSError: the folder cannot be written to.
        """
        is_cuda = self.device.type == "cuda"
        fixed = StepMode(
            bfloat16=recipe.precision == "bfloat16",
            channels_last=config.channels_last is not False,
            cuda_graph=config.cuda_graph is not False and is_cuda,
            compile=config.compile,
            cudnn_benchmark=config.cudnn_benchmark is True,
            micro_batch=None if config.micro_batch == "auto" else config.micro_batch,
            memory_share=self.memory_share,
        )
        choices: dict[str, Sequence[Any]] = {
            "threads": self._threads(config),
            "bfloat16": [False, True] if recipe.precision == "auto" else [fixed.bfloat16],
            "channels_last": [True, False] if config.channels_last == "auto" else [fixed.channels_last],
            "cudnn_benchmark": (
                [False, True] if is_cuda and config.cudnn_benchmark == "auto" else [fixed.cudnn_benchmark]
            ),
        }
        probes = CUDA_PROBES if is_cuda else PROBES
        probe = next(probe for probe in probes if spec.counts(image_size).macs <= probe.most_macs)
        return self._fastest(probe, fixed, choices)

    def _threads(self, config: ExecutionConfig) -> Sequence[int | None]:
        if self.device.type == "cuda":
            return [None]
        if config.threads != "auto":
            return [config.threads]
        return sorted({1, torch.get_num_threads()}, reverse=True)

    def _fastest(self, probe: Probe, fixed: StepMode, choices: dict[str, Sequence[Any]]) -> StepMode:
        """Return ``fixed`` with the fastest of the choices, one knob after the other."""
        mode = replace(fixed, **{knob: values[0] for knob, values in choices.items()})
        for knob, values in choices.items():
            for value in values[1:]:
                other = replace(mode, **{knob: value})
                if self._step_time(probe, other) < GAIN * self._step_time(probe, mode):
                    mode = other
        return mode

    def ceiling(self, *, bfloat16: bool) -> float:
        """Return the MACs a second of large matrix products in the given precision."""
        name = "bfloat16" if bfloat16 else "float32"
        return self._kept(
            f"matrix products, {name}, MACs/s", lambda: matmul_macs_per_s(self.device, bfloat16=bfloat16)
        )

    def _step_time(self, probe: Probe, mode: StepMode) -> float:
        precision = "bfloat16" if mode.bfloat16 else "float32"
        layout = "channels last" if mode.channels_last else "channels first"
        threads = f", threads {mode.threads}" if mode.threads else ""
        graph = ", graph" if mode.cuda_graph else ""
        kernels = ", cudnn benchmark" if mode.cudnn_benchmark else ""
        return self._kept(
            f"{probe.name} networks, {precision}, {layout}{threads}{graph}{kernels}, s a step",
            lambda: step_time(probe, replace(mode, compile=False, micro_batch=None), self.device),
        )

    def _kept(self, key: str, measure: Callable[[], float]) -> float:
        known = _read(self.path)
        if key in known:
            return known[key]
        with _locked(self.path):
            known = _read(self.path)  # another process may have measured it meanwhile
            if key not in known:
                known[key] = self._users(key, measure)
                _write(self.path, known)
        return known[key]

    def _users(self, key: str, measure: Callable[[], float]) -> float:
        """Return what was found in any folder of this user; a cache that cannot be written is left alone."""
        known = _read(self.users_path)
        if key in known:
            return known[key]
        with ExitStack() as held:
            with suppress(OSError):
                held.enter_context(_locked(self.users_path))  # two at once would measure each other
            known = _read(self.users_path)
            if key not in known:
                if self._tell is not None:
                    self._tell()
                    self._tell = None
                known[key] = measure()
                with suppress(OSError):
                    _write(self.users_path, known)
        return known[key]


def cache_folder() -> Path:
    """Return where mgnas keeps what belongs to the machine and not to a study."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "mgnas"


def _read(path: Path) -> dict[str, float]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # not there yet, or damaged: it is measured again


def _write(path: Path, found: dict[str, float]) -> None:
    write_atomic(path, json.dumps(found, indent=2) + "\n")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


def _device_key(device: torch.device) -> str:
    """Return a file's name for the device, its threads and the version of torch.

    Computers that share a home folder differ in their processors.
    """
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"{platform.machine()}-{_cpu_digest()}-{torch.get_num_threads()}-threads"
    text = f"{name}-torch-{torch.__version__}"
    return "".join(char if char.isalnum() or char in ".-" else "-" for char in text)


def _cpu_digest() -> str:
    """Return eight digits that processors differ in which have other instructions, or another name."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
        facts = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in first.splitlines() if ":" in line)
        told = [f"{fact}: {facts[fact]}" for fact in CPU_FACTS if fact in facts]
    except OSError:
        told = [platform.processor()]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]


def step_time(probe: Probe, mode: StepMode, device: torch.device) -> float:
    """Return the seconds of a training step on the probe: the least of several, after those that warm up."""
    from space.modules import build

    spec = parse_notation(probe.notation)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        layout = torch.channels_last if mode.channels_last else torch.contiguous_format
        network = build(spec).to(memory_format=layout).to(device)
        size = (probe.batch_size, spec.in_channels, probe.image_size, probe.image_size)
        images = torch.randn(size).to(device=device, memory_format=torch.channels_last)
    batch = Batch(images, torch.arange(probe.batch_size, device=device) % spec.num_classes)
    step = TrainStep(network, Recipe(), mode)
    with mode.applied():
        return _least_s(lambda: step(batch, 0.1), device)


def matmul_macs_per_s(device: torch.device, *, bfloat16: bool) -> float:
    """Return the MACs a second that products of large square matrices reach, the ceiling of any network."""
    size = 8192 if device.type == "cuda" else 1024
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(size, size, generator=generator).to(device)
    matrix = matrix.bfloat16() if bfloat16 else matrix
    return float(size**3 / _least_s(lambda: matrix @ matrix, device))


def _least_s(work: Callable[[], object], device: torch.device) -> float:
    times = []
    for _ in range(WARM_UP_STEPS + 1 + REPEATS if device.type == "cuda" else 1 + REPEATS):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return min(times[-REPEATS:])
