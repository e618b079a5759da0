"""How many trainings run side by side on this machine, and on what."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from space.core.errors import InvalidInputError

CACHED_KERNELS = 256
"""Kernels that a worker keeps: those of one network, not of all that it has trained, or its memory grows."""
_KERNEL_CACHE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"


@dataclass(frozen=True)
class Slot:
    """A place for one worker: a CPU core (one thread) or a GPU (by its index)."""

    device: str
    gpu: int | None = None
    threads: int | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that must be set before torch is imported."""
        if self.gpu is not None:
            return {"CUDA_VISIBLE_DEVICES": _visible_gpus()[self.gpu]}
        threads = str(self.threads or 1)
        variables = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "CUDA_VISIBLE_DEVICES": ""}
        cache = os.environ.get(_KERNEL_CACHE, str(CACHED_KERNELS))
        return variables | {_KERNEL_CACHE: cache}


def find_slots(
    device: str = "auto",
    workers: int | str = "auto",
    num_jobs: int | None = None,
    threads: int | str = "auto",
) -> list[Slot]:
    """Return one slot for each GPU if there are any, else one for each CPU core with one thread each.

    Two threads on a busy machine of two cores were measured ten times slower than one. ``workers`` sets
    another number; GPUs are then shared out in turn. Where the number of trainings is known (``num_jobs``),
    no more slots share the cores than there are trainings of so many ``threads``.

    Raises:
        InvalidInputError: ``device`` is cuda, and there is no GPU.
    """
    num_gpus = 0 if device == "cpu" else count_gpus()
    if device == "cuda" and num_gpus == 0:
        raise InvalidInputError("search.device is 'cuda', but there is no CUDA device; use 'auto' or 'cpu'")
    if num_gpus:
        count = num_gpus if workers == "auto" else int(workers)
        return [Slot("cuda", gpu=index % num_gpus) for index in range(count)]
    cores = count_cores()
    if num_jobs is None:
        return [Slot("cpu", threads=1)] * (cores if workers == "auto" else int(workers))
    each = 1 if threads == "auto" else int(threads)
    count = min(num_jobs, max(1, cores // each)) if workers == "auto" else int(workers)
    return [Slot("cpu", threads=max(each, cores // count))] * count


def check_threads(threads: int | str, slots: Iterable[Slot]) -> None:
    """Refuse more threads of one training on a CPU than cores: every step would wait for them in turn.

    Raises:
        InvalidInputError: there are more.
    """
    cores = count_cores()
    if isinstance(threads, int) and threads > cores and any(slot.gpu is None for slot in slots):
        raise InvalidInputError(
            f"execution.threads must be at most {cores}, the cores that this process may use, but got "
            f"{threads}; set fewer here (--set execution.threads={cores})"
        )


def check_compiler(compiles: bool, slots: Iterable[Slot]) -> None:
    """Refuse ``execution.compile`` where torch.compile will find no compiler, before anything is trained.

    Raises:
        InvalidInputError: there is none; $CXX (on CPUs) and $CC (on GPUs) name another than the usual ones.
    """
    if not compiles:
        return
    for language, variable, usual in {_compiler_of(slot) for slot in slots}:
        commands = (os.environ[variable],) if os.environ.get(variable) else usual
        if not any(shutil.which(command) for command in commands):
            raise InvalidInputError(
                f"execution.compile = true needs a {language} compiler, but there is no "
                f"{' or '.join(commands)}; "
                "install one (Debian, Ubuntu: apt install g++), or set execution.compile = false"
            )


def _compiler_of(slot: Slot) -> tuple[str, str, tuple[str, ...]]:
    """Return what torch.compile compiles with: Triton takes a C compiler, code for CPUs a C++ one."""
    if slot.gpu is not None:
        return "C", "CC", ("gcc", "clang")
    return "C++", "CXX", ("clang++",) if sys.platform == "darwin" else ("g++",)


def count_gpus() -> int:
    """Return the number of CUDA devices that torch can use; torch is only imported where a driver is."""
    if shutil.which("nvidia-smi") is None and not Path("/proc/driver/nvidia").exists():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def count_cores() -> int:
    """Return the CPU cores that this process may use, the limit of its container included."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):
        return cores  # no control groups here, or no limit ("max")


def _visible_gpus() -> list[str]:
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed:
        return listed.split(",")
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]
