"""The MgNet family: a CNN as a multigrid iteration for A u = f, u >= 0 (arXiv 1901.10415, 2112.07441)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from space.core.cursor import Reader
from space.networks import counts
from space.networks.counts import LayerCount, Size, as_size
from space.networks.grid_spec import GridSpec, Level, groups_of, simplest_groups
from space.networks.smoothers import Convolution, Place, Smoother
from space.networks.weight_sharing import Slots, copies, simplest
from space.notation.grid import format_grid, read_grid

__all__ = ["Level", "MgNetSpec"]

InterpolationName = Literal["conv", "depthwise", "pool", "zero"]
RestrictionName = Literal["conv", "depthwise", "pool"]


class MgNetSpec(GridSpec):
    """An MgNet: levels, smoother, sharing, interpolation Pi of features and restriction R of residuals.

    Pi and R map to the next grid. ``conv`` is a 3x3 convolution with stride 2. ``depthwise`` has gcd(in, out)
    groups. ``pool`` averages over 3x3 pixels with stride 2; a 1x1 convolution follows where the number of
    channels changes. With the interpolation ``zero``, every grid starts from u = 0.
    """

    notation_name: ClassVar[str] = "MgNet"

    family: Literal["mgnet"] = "mgnet"
    smoother: Smoother = Convolution()
    interpolation: InterpolationName = "conv"
    restriction: RestrictionName = "conv"

    @model_validator(mode="after")
    def _widths_fit(self) -> Self:
        if self.smoother.same_width:
            for number, level in enumerate(self.levels, start=1):
                if level.c_u != level.c_f:
                    raise ValueError(
                        f"the smoother {self.smoother.kind} needs c_u = c_f, "
                        f"but level {number} has c_u={level.c_u}, c_f={level.c_f}"
                    )
        return self

    @property
    def notation(self) -> str:
        """The papers' notation, e.g. ``MgNet[2,2]-64-B^l``; ``parse_notation`` is the inverse."""
        return format_grid(self, always_b=True)

    @classmethod
    def read_notation(cls, reader: Reader, facts: Mapping[str, Any]) -> Self:
        """Return the spec whose notation follows ``notation_name``; see ``Spec.read_notation``."""
        return read_grid(cls, reader, facts, needs_b=True)

    @property
    def slots_a(self) -> list[Slots]:
        """For each level the shape of A and the number of applications that may share weights."""
        return [Slots((level.c_u, level.c_f), level.nu) for level in self.levels]

    @property
    def slots_b(self) -> list[Slots]:
        """For each level the shape of B and the number of applications that may share weights."""
        smoother = self.smoother
        return [Slots(smoother.shape_of_b(level.c_u, level.c_f), level.nu) for level in self.levels]

    def canonical(self) -> Self:
        """Return the spec with every hyperparameter without effect at its default."""
        smoother = self.smoother.canonical([level.nu for level in self.levels])
        shapes = [(level.c_f, level.c_u) for level in self.levels]
        pairs = list(pairwise(self.levels))
        return self.replaced(
            smoother=smoother,
            share_a=simplest(self.share_a, self.slots_a, default="level"),
            share_b=simplest(self.share_b, self.slots_b, default="level"),
            kernel_b=self.kernel_b if smoother.convolves else 3,
            groups_b=simplest_groups(self.groups_b, shapes) if smoother.convolves else 1,
            interpolation=_simplest_change(self.interpolation, [(a.c_u, b.c_u) for a, b in pairs]),
            restriction=_simplest_change(self.restriction, [(a.c_f, b.c_f) for a, b in pairs]),
        )

    def layers(self, image_size: Size) -> list[LayerCount]:
        """Return the counts of every layer, in the order of the forward pass.

        docs/explanation/mathematics.md has the equations.
        """
        size = as_size(image_size)
        levels = self.levels
        rows = self.stem_layers(levels[0].c_f, size)
        size = self.size_after_stem(size)
        copies_a, copies_b = copies(self.share_a, self.slots_a), copies(self.share_b, self.slots_b)
        for index, level in enumerate(levels):
            rows += self._level_layers(index, size, copies_a[index], copies_b[index])
            if index < len(levels) - 1:
                coarse = counts.halved(size)
                rows += self._transition_layers(level, levels[index + 1], index, size, coarse)
                size = coarse
        return [*rows, self.head_layer(levels[-1].c_u)]

    def _level_layers(
        self, index: int, size: tuple[int, int], copies_a: int, copies_b: int
    ) -> list[LayerCount]:
        """Return the layers of one level.

        Each iteration applies A once, or more often with some smoothers. A also forms f of this level (except
        on level 1, and where u starts from 0) and the residual to restrict (except on level J). A keeps each
        input u for the backward pass. It does not keep the last u of level J, nor a first u that the ReLU
        after Pi has kept.
        """
        level = self.levels[index]
        nu, c_u, c_f = level.nu, level.c_u, level.c_f
        is_last = index == len(self.levels) - 1
        starts_from_zero = index == 0 or self.interpolation == "zero"
        uses_a = nu * (1 + self.smoother.extra_a) + (not starts_from_zero) + (not is_last)
        kept = nu + (not is_last) - (self.keeps_outputs and not starts_from_zero)
        prefix = f"level{index + 1}"
        groups = groups_of(self.groups_b, c_f, c_u)
        place = Place(
            prefix, nu, c_u, c_f, size, is_last, copies_b, self.kernel_b, groups, self.keeps_outputs
        )
        return [
            counts.conv2d(
                f"{prefix}.A", c_u, c_f, size, copies=copies_a, uses=uses_a, saved=kept * c_u * place.pixels
            ),
            *self.smoother.layers(place),
            counts.batch_norm(f"{prefix}.norm_f", c_f, size, copies=nu),
            counts.batch_norm(f"{prefix}.norm_u", c_u, size, copies=nu),
        ]

    def _transition_layers(
        self, fine: Level, coarse: Level, index: int, size: tuple[int, int], coarse_size: tuple[int, int]
    ) -> list[LayerCount]:
        """Return Pi and R from a grid of ``size`` to one of ``coarse_size``. R keeps the residual."""
        prefix = f"to_level{index + 2}"
        residual = fine.c_f * size[0] * size[1]
        rows = []
        if self.interpolation != "zero":
            rows += _grid_change(f"{prefix}.Pi", self.interpolation, fine.c_u, coarse.c_u, coarse_size, 0)
        rows += _grid_change(f"{prefix}.R", self.restriction, fine.c_f, coarse.c_f, coarse_size, residual)
        if self.interpolation != "zero":
            rows.append(counts.batch_norm(f"{prefix}.norm_u", coarse.c_u, coarse_size))
        rows.append(counts.batch_norm(f"{prefix}.norm_f", coarse.c_f, coarse_size))
        return rows


def _simplest_change(how: str, shapes: Sequence[tuple[int, int]]) -> str:
    """Return ``conv`` if there is one grid only, or if ``depthwise`` means one group everywhere."""
    if how == "depthwise" and all(math.gcd(*shape) == 1 for shape in shapes):
        return "conv"
    return how if shapes else "conv"


def _grid_change(
    name: str, how: str, in_channels: int, out_channels: int, size: tuple[int, int], saved: int
) -> list[LayerCount]:
    if how != "pool":
        groups = groups_of("depthwise" if how == "depthwise" else 1, in_channels, out_channels)
        return [counts.conv2d(name, in_channels, out_channels, size, groups=groups, saved=saved)]
    rows = [counts.average_pool(f"{name}.pool", in_channels, size, saved=saved)]
    if in_channels != out_channels:
        pooled = in_channels * size[0] * size[1]
        rows.append(counts.conv2d(f"{name}.mix", in_channels, out_channels, size, kernel=1, saved=pooled))
    return rows
