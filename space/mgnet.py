"""The MgNet family: a CNN as a multigrid iteration for A u = f, u >= 0 (arXiv 1901.10415, 2112.07441)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from space.counts import LayerCount, Size, as_size, batch_norm, conv2d, halved, linear
from space.spec import Count, Spec

Sharing = Literal["level", "iteration"]


class Level(BaseModel):
    """One grid: ``nu`` smoothing iterations on features of ``c_u`` and data of ``c_f`` channels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nu: Count
    c_u: Count
    c_f: Count


class MgNetSpec(Spec):
    """An MgNet: its levels, and whether A and B are shared by the iterations of a level (``A^l``) or not."""

    family: Literal["mgnet"] = "mgnet"
    levels: tuple[Level, ...] = Field(min_length=1)
    share_a: Sharing = "level"
    share_b: Sharing = "level"

    def canonical(self) -> Self:
        """Return the spec with sharing set to ``level`` where a single iteration leaves nothing to share."""
        if any(level.nu > 1 for level in self.levels):
            return self
        return self.model_copy(update={"share_a": "level", "share_b": "level"})

    @property
    def notation(self) -> str:
        """The papers' notation, e.g. ``MgNet[2,2]-64-B^l``; read back by ``space.parse_notation``."""
        from space.notation import format_mgnet

        return format_mgnet(self)

    def layers(self, image_size: Size) -> list[LayerCount]:
        """Return every layer, in the order of the forward pass (equations: docs/architecture.md)."""
        size = as_size(image_size)
        first = self.levels[0]
        rows = [
            conv2d("stem", self.in_channels, first.c_f, size),
            batch_norm("stem.bn", first.c_f, size),
        ]
        for index, level in enumerate(self.levels):
            is_last = index == len(self.levels) - 1
            rows += self._level_layers(index, level, size, is_last)
            if not is_last:
                size = halved(size)
                rows += _transition_layers(index, level, self.levels[index + 1], size)
        return [*rows, linear("head", self.levels[-1].c_u, self.num_classes)]

    def _level_layers(
        self, index: int, level: Level, size: tuple[int, int], is_last: bool
    ) -> list[LayerCount]:
        """A and B of one level with the number of times each is applied, and the batch norms.

        Besides the iterations, the first A of a level forms f_next (not on level 1), and its last A the
        residual that is restricted (not on level J).
        """
        num_a = 1 if self.share_a == "level" else level.nu
        num_b = 1 if self.share_b == "level" else level.nu
        uses_a = [level.nu // num_a] * num_a
        uses_a[0] += index > 0
        uses_a[-1] += not is_last
        prefix = f"level{index + 1}"
        rows = [
            conv2d(f"{prefix}.A{i + 1}", level.c_u, level.c_f, size, uses=uses)
            for i, uses in enumerate(uses_a)
        ]
        rows += [
            conv2d(f"{prefix}.B{i + 1}", level.c_f, level.c_u, size, uses=level.nu // num_b)
            for i in range(num_b)
        ]
        for i in range(level.nu):
            rows.append(batch_norm(f"{prefix}.bn_f{i + 1}", level.c_f, size))
            rows.append(batch_norm(f"{prefix}.bn_u{i + 1}", level.c_u, size))
        return rows


def _transition_layers(index: int, fine: Level, coarse: Level, size: tuple[int, int]) -> list[LayerCount]:
    prefix = f"to_level{index + 2}"
    return [
        conv2d(f"{prefix}.Pi", fine.c_u, coarse.c_u, size),
        conv2d(f"{prefix}.R", fine.c_f, coarse.c_f, size),
        batch_norm(f"{prefix}.bn_u", coarse.c_u, size),
        batch_norm(f"{prefix}.bn_f", coarse.c_f, size),
    ]
