"""The versions of installed packages."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version(package: str) -> str:
    """Return the version of a package; ``none`` if it is not installed, as mgnas in a checkout on ``PYTHONPATH``."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
