"""A device of the user: the command that measures a network on it, and the format that it takes."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from space.core.errors import shown

DeviceFormat = Literal["onnx", "onnx-int8", "pt2", "c"]
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
PLACE = "{model}"
"""The place of the exported file in a command."""


class DeviceConfig(BaseModel):
    """One device: a table ``[[search.devices]]`` of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(description="Name of the device: letters, digits, dots, - and _.")
    command: str = Field(
        description="Command of the shell that measures the exported network {model} and prints JSON with latency_ms.",
    )
    format: DeviceFormat = Field(
        default="onnx",
        description="What {model} is: a file onnx, onnx-int8 or pt2, or c: a folder with int8 code.",
    )
    timeout_s: float = Field(
        default=300.0, gt=0, le=86_400, description="Seconds after which a measurement has failed."
    )

    @field_validator("name")
    @classmethod
    def _is_a_word(cls, name: str) -> str:
        if re.fullmatch(NAME, name) is None:
            raise ValueError(
                f"a device's name has up to 64 letters, digits, dots, - and _, but got {shown(name)}"
            )
        return name

    @field_validator("command")
    @classmethod
    def _takes_a_network(cls, command: str) -> str:
        if PLACE not in command:
            raise ValueError(f"a device's command must contain {PLACE}, but got {shown(command)}")
        return command
