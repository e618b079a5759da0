"""A target: a device, what it leaves to a network, and what an export for it contains."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

CYCLES_PER_MAC = 10
"""Clock cycles of a multiply-accumulate of the int8 C code, an estimate for 32-bit processors: a network
of 394,335 needs 6.4 instructions for each (x86-64, gcc -Os, counted by callgrind)."""
IMAGE_SIDES = (64, 48, 32, 24, 16, 8)
"""Sides of images in pixels, from which the RAM of a microcontroller selects."""
IMAGE_SHARE = 0.25
"""Largest fraction of a network's SRAM that an RGB image takes. Features of level 1 need the rest."""


class Target(BaseModel):
    """A device: the section ``[target]`` of a study, and a file of ``mgnas search --target``.

    A microcontroller has ``flash_kib`` and ``ram_kib``. A share of both is reserved for the program of the user,
    which includes the code of the network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: str = Field(default="", description="Name; unset: the name of the file.")
    description: str = Field(default="", description="The device in words.")
    source: str = Field(default="", description="Where the figures are from.")
    clock_mhz: float | None = Field(default=None, gt=0, description="Clock of the processor in MHz.")
    flash_kib: float | None = Field(
        default=None, gt=0, le=2**22, description="Flash of a microcontroller in KiB."
    )
    ram_kib: float | None = Field(
        default=None, gt=0, le=2**22, description="RAM of a microcontroller in one block, in KiB."
    )
    reserved_flash: float = Field(
        default=0.25, ge=0, lt=1, description="Fraction of the flash for all code and data but the network's."
    )
    reserved_ram: float = Field(
        default=0.25,
        ge=0,
        lt=1,
        description="Fraction of the RAM for stack, heap and the rest of the program.",
    )
    max_params: int | None = Field(default=None, gt=0, le=10**18, description="Limit of parameters.")
    max_macs: int | None = Field(
        default=None,
        gt=0,
        le=10**18,
        description="Limit of MACs of one image; unset: of a microcontroller with a clock, those of one second.",
    )
    max_image_side: int | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="Largest side of the images of an imagefolder in pixels; unset: of a microcontroller, by its RAM.",
    )
    costs: tuple[str, ...] = Field(
        default=(),
        max_length=3,
        strict=False,
        description="Objectives besides accuracy; unset: flash_kib of a microcontroller, else params.",
    )
    formats: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Formats that 'mgnas export' writes; unset: spec, safetensors, and c or onnx.",
    )

    @model_validator(mode="after")
    def _has_flash_and_ram(self) -> Self:
        if (self.flash_kib is None) != (self.ram_kib is None):
            given, missing = ("flash_kib", "ram_kib") if self.ram_kib is None else ("ram_kib", "flash_kib")
            raise ValueError(
                f"a microcontroller has flash_kib and ram_kib, but got {given} only; add {missing}"
            )
        return self

    @property
    def is_microcontroller(self) -> bool:
        """Whether networks run as int8 C code from flash."""
        return self.flash_kib is not None

    @property
    def limits(self) -> dict[str, float]:
        """The limits of a network by the keys of the section ``[space]``."""
        found: dict[str, float | None] = {"max_params": self.max_params, "max_macs": self._most_macs}
        if self.flash_kib is not None and self.ram_kib is not None:
            found["max_flash_kib"] = round(self.flash_kib * (1 - self.reserved_flash), 3)
            found["max_sram_kib"] = round(self.ram_kib * (1 - self.reserved_ram), 3)
        return {key: limit for key, limit in found.items() if limit is not None}

    @property
    def _most_macs(self) -> int | None:
        """The MACs of one second, if the limit is unset and the clock of a microcontroller is known."""
        if self.max_macs is None and self.is_microcontroller and self.clock_mhz is not None:
            return max(1, int(self.clock_mhz * 1e6 / CYCLES_PER_MAC))
        return self.max_macs

    @property
    def image_side(self) -> int | None:
        """The largest side of an image in pixels; None without a limit.

        Of a microcontroller it is the largest of ``IMAGE_SIDES`` whose RGB image takes at most ``IMAGE_SHARE`` of
        the network's SRAM.
        """
        room = self.limits.get("max_sram_kib")
        if self.max_image_side is not None or room is None:
            return self.max_image_side
        fitting = [side for side in IMAGE_SIDES if 3 * side**2 <= IMAGE_SHARE * room * 1024]
        return fitting[0] if fitting else IMAGE_SIDES[-1]

    @property
    def objectives(self) -> tuple[str, ...]:
        """The costs of a search for this target."""
        return self.costs or (("flash_kib",) if self.is_microcontroller else ("params",))

    @property
    def export_formats(self) -> tuple[str, ...]:
        """The formats that an export for this target contains."""
        return self.formats or ("spec", "safetensors", "c" if self.is_microcontroller else "onnx")
