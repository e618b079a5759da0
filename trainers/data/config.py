"""The ``[data]`` section of a study: the source of the images and the fractions of the splits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from space.core.atomic_files import absolute_path
from space.core.errors import nearest, shown
from trainers.data.sources import SOURCES
from trainers.recipe import LONGEST_SIDE

RESIZED = "imagefolder"
"""The kind of source whose images can have any size."""


class DataConfig(BaseModel):
    """The images and their splits: the ``[data]`` section of a study.

    The test split is drawn first, then the validation split from the remaining images. A split of the source
    is used unchanged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    source: str = Field(
        default="digits",
        description="digits, mnist, fashion_mnist, cifar10, cifar100, svhn, npz:FILE or imagefolder:PATH.",
    )
    val_fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Fraction of the training images in the validation split, if the source has none.",
    )
    test_fraction: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="Fraction of the images that is held out for the test, if the source has no test split.",
    )
    split_seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of the stratified splits.")
    root: str = Field(default="", description="Folder of the torchvision data sets; empty: ~/.cache/mgnas.")
    memory_gib: float | None = Field(
        default=None,
        ge=0,
        description="Memory in GiB that a worker may use for images; larger sets are streamed; unset: 1/5 of "
        "the free memory, or 1/2 of a GPU's, divided among the workers.",
    )
    reader_threads: int = Field(
        default=1, ge=0, le=256, description="Threads of each worker that read streamed images."
    )
    image_size: int | Annotated[tuple[int, int], Field(strict=False)] | None = Field(
        default=None,
        description="Size in pixels to which imagefolder scales images, N or [height, width]; unset: their "
        "own size, or 64.",
    )

    max_image_side: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_SIDE,
        description="Without image_size: images whose common size exceeds this side, or of different sizes, get this"
        " height and width; unset: 64, and 256 for a common size.",
    )

    @field_validator("image_size", mode="before")
    @classmethod
    def _one_side_or_two(cls, size: object) -> object:
        """Say both forms at once, and not what is wrong with the value as each of them."""
        sides = size if isinstance(size, (list, tuple)) and len(size) == 2 else (size,)
        if size is not None and not all(type(side) is int and 1 <= side <= LONGEST_SIDE for side in sides):
            raise ValueError(f"must be one side or [height, width], in pixels from 1 to {LONGEST_SIDE:,}")
        return size

    @field_validator("source")
    @classmethod
    def _known_kind(cls, source: str) -> str:
        """A missing path is no matter of the configuration: presets leave it to the command line."""
        kind = source.partition(":")[0]
        if kind not in SOURCES:
            hint = nearest(kind, tuple(SOURCES))
            if source.endswith(".npz"):
                hint = f"; did you mean {shown(f'npz:{source}')}?"
            elif _is_folder(source):
                hint = f"; did you mean {shown(f'imagefolder:{source}')}?"
            raise ValueError(
                f"data.source must be one of {sorted(SOURCES)} (npz:FILE, imagefolder:PATH), "
                f"but got {shown(source)}{hint}"
            )
        if "\0" in source:
            raise ValueError(f"data.source must not hold NUL characters, but got {shown(source)}")
        return source

    @property
    def can_resize(self) -> bool:
        """Whether the study may choose the size of the images."""
        return self.source.partition(":")[0] == RESIZED

    def sized(self, side: int | None) -> Self:
        """Return the configuration of the same images with another height and width; None keeps their size."""
        return self if side is None else self.model_copy(update={"image_size": side})

    def resolved(self, base: Path) -> Self:
        """Return the configuration with absolute paths, relative to ``base``.

        Raises:
            InvalidInputError: A path has an unknown ``~user`` or a circle of links.
        """
        kind, _, path = self.source.partition(":")
        changes = {}
        if path:
            changes["source"] = f"{kind}:{absolute_path(base, path, f'data.source = {shown(self.source)}')}"
        if self.root:
            changes["root"] = absolute_path(base, self.root, f"data.root = {shown(self.root)}")
        return self.model_copy(update=changes)


def _is_folder(text: str) -> bool:
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):  # no path at all
        return False
