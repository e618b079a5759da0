"""The machine of a measured result."""

from __future__ import annotations

from typing import Any

from search.study.environment import environment


def describe_machine() -> dict[str, Any]:
    facts = environment()
    return {key: facts[key] for key in ("cpu", "cores", "platform", "python", "packages", "began")}
