"""The number of concurrent trainings on this machine, and their devices."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from space.core.errors import InvalidInputError

CACHED_KERNELS = 256
"""Cached kernels per worker, enough for one network; a larger cache grows with each trained network."""
_KERNEL_CACHE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"


@dataclass(frozen=True)
class Slot:
    """A place for one worker: a GPU, or CPU cores.

    Attributes:
        device: ``cpu`` or ``cuda``.
        gpu: The index of the GPU; None on a CPU.
        threads: The number of CPU threads; None for one thread.
    """

    device: str
    gpu: int | None = None
    threads: int | None = None

    def environment(self) -> dict[str, str]:
        """Return the environment variables to set before the import of torch."""
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
    trials_per_gpu: float = 1.0,
) -> list[Slot]:
    """Return slots for each GPU, or without GPUs one slot per CPU core, with one thread each.

    One thread is the default because on a busy machine with two cores, two threads were ten times slower than
    one. With ``num_jobs``, the slots share all CPU cores, and their default number is
    ``min(num_jobs, max(1, cores // threads))``.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: The number of slots; several slots use the GPUs in turn.
        num_jobs: The number of trainings, if known.
        threads: The minimum number of threads per CPU slot, ``auto`` for 1. Only used with ``num_jobs``.
        trials_per_gpu: The number of slots for each GPU if ``workers`` is auto; the total is rounded down, to at
            least 1.

    Raises:
        InvalidInputError: ``device`` is cuda, and the machine has no GPU.
    """
    num_gpus = 0 if device == "cpu" else count_gpus()
    if device == "cuda" and num_gpus == 0:
        raise InvalidInputError("search.device is 'cuda', but there is no CUDA device; use 'auto' or 'cpu'")
    if num_gpus:
        count = max(1, int(trials_per_gpu * num_gpus)) if workers == "auto" else int(workers)
        return [Slot("cuda", gpu=index % num_gpus) for index in range(count)]
    cores = count_cores()
    if num_jobs is None:
        return [Slot("cpu", threads=1)] * (cores if workers == "auto" else int(workers))
    each = 1 if threads == "auto" else int(threads)
    count = min(num_jobs, max(1, cores // each)) if workers == "auto" else int(workers)
    return [Slot("cpu", threads=max(each, cores // count))] * count


def check_threads(threads: int | str, slots: Sequence[Slot]) -> None:
    """Check that trainings on a CPU have at most one thread per core, each alone and all together.

    With more threads, every step waits for threads that share a core.

    Raises:
        InvalidInputError: ``threads``, or the threads of all slots, exceed the number of cores.
    """
    cores = count_cores()
    on_cpu = [slot for slot in slots if slot.gpu is None]
    if len(on_cpu) > cores:
        raise InvalidInputError(
            f"search.workers must be at most {cores} on this machine, one for each core that this process may use, "
            f"but got {len(on_cpu)}; set fewer here (--workers {cores} or auto)"
        )
    if isinstance(threads, int) and threads > cores and on_cpu:
        raise InvalidInputError(
            f"execution.threads must be at most {cores}, the cores that this process may use, but got "
            f"{threads}; set fewer here (--set execution.threads={cores})"
        )


def check_compiler(compiles: bool, slots: Iterable[Slot]) -> None:
    """Check before the first training that torch.compile finds a compiler.

    $CXX (on CPUs) and $CC (on GPUs) replace the usual compilers.

    Args:
        compiles: The value of ``execution.compile``; False skips the check.
        slots: The places of the workers.

    Raises:
        InvalidInputError: The compiler is missing.
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
    """Return the language, variable and usual commands of the compiler that torch.compile uses.

    Triton needs a C compiler; code for CPUs needs a C++ compiler.
    """
    if slot.gpu is not None:
        return "C", "CC", ("gcc", "clang")
    return "C++", "CXX", ("clang++",) if sys.platform == "darwin" else ("g++",)


def count_gpus() -> int:
    """Return the number of CUDA devices that torch can use; the import of torch requires a driver."""
    if shutil.which("nvidia-smi") is None and not Path("/proc/driver/nvidia").exists():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def count_cores() -> int:
    """Return the number of CPU cores of this process, within the limit of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):
        return cores  # without control groups, or without a limit ("max")


def _visible_gpus() -> list[str]:
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed:
        return listed.split(",")
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]
