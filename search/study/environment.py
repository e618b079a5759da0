"""The versions and hardware that a study records in its folder."""

from __future__ import annotations

import datetime
import json
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from results.storage.records import StudyHeader
from search.executors.slots import count_cores
from search.study.config import StudyConfig
from space.core.versions import installed_version

PACKAGES = ("mgnas", "torch", "optuna", "numpy")


def environment() -> dict[str, Any]:
    """Return versions, hardware, the current time (UTC) and the commit, for the record of a study."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cores": count_cores(),
        "gpus": _gpu_names(),
        "packages": {name: installed_version(name) for name in PACKAGES},
        "began": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
    }


def changed_versions(recorded: Mapping[str, Any]) -> list[str]:
    """Return what differs between the versions of a recorded ``environment`` and those of this process, in words."""
    packages = recorded.get("packages", {})
    versions = [
        *((name, packages.get(name), installed_version(name)) for name in PACKAGES),
        ("commit", _short(recorded.get("commit")), _short(_commit())),
    ]
    return [f"{name} {then}, now {now}" for name, then, now in versions if then and now and then != now]


def _short(commit: str | None) -> str | None:
    return None if commit is None else commit[:7]


def environment_json(header: StudyHeader, config: StudyConfig) -> str:
    """Return the content of ``environment.json``: versions, hardware, seed, space and images."""
    facts = header.environment | {
        "seed": config.search.seed,
        "space": header.space_hash,
        "data": header.data["fingerprint"],
    }
    return json.dumps(facts, indent=2) + "\n"


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpu_names() -> list[str]:
    with suppress(OSError, subprocess.SubprocessError):
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
        return listed.splitlines()
    return []


def _commit() -> str | None:
    """Return the Git commit of the running source tree; None if it is unknown."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    with suppress(OSError, subprocess.SubprocessError):
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    return None
