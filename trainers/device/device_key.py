"""A device's name, under which measurements of its speed are stored."""

from __future__ import annotations

import hashlib
import platform
import re
from pathlib import Path

import torch

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
"""Lines of Linux's /proc/cpuinfo that distinguish processors (x86 and Arm)."""


def device_key(device: torch.device) -> str:
    """Return a file name for the device, its threads and the version of torch.

    Computers that share a home folder may have different processors.
    """
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"{platform.machine()}-{_cpu_digest()}-{torch.get_num_threads()}-threads"
    text = f"{name}-torch-{torch.__version__}"
    return "".join(char if char.isalnum() or char in ".-" else "-" for char in text)


def _cpu_digest() -> str:
    """Return eight hexadecimal digits that identify the processor's model and instruction sets."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
        facts = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in first.splitlines() if ":" in line)
        told = [f"{fact}: {facts[fact]}" for fact in CPU_FACTS if fact in facts]
    except OSError:
        told = [platform.processor()]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]
