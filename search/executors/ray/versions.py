"""The versions of a process that nodes must share with the driver."""

from __future__ import annotations

import platform

from space.core.versions import installed_version


def versions() -> dict[str, str]:
    """Return the versions of Python (major and minor), mgnas and torch; torch is not imported."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "mgnas": installed_version("mgnas"),
        "torch": installed_version("torch").partition("+")[0],  # builds for CPUs and GPUs have one version
    }


def difference(driver: dict[str, str], node: dict[str, str]) -> str | None:
    """Return the first package with different versions on the driver and on a node, as a reason; or None."""
    for name, wanted in driver.items():
        if node[name] != wanted:
            return (
                f"the node has {name} {node[name]}, but the driver {wanted}; install one version on all nodes"
            )
    return None
