"""The versions of installed packages."""

from __future__ import annotations

from importlib.metadata import version

from space.core.versions import installed_version


def test_version_of_an_installed_package_is_its_metadata() -> None:
    assert installed_version("torch") == version("torch")


def test_package_that_is_not_installed_has_the_version_none() -> None:
    assert installed_version("no-such-package") == "none"
