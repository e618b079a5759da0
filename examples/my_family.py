"""A family of networks of one's own: a study that names this file in ``plugins`` can search it.

A spec says what a network is, as plain data; a builder makes the torch module from it. Parameters, MACs and
memory are counted on the built network, so nothing else is needed. See my_family_study.toml.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from mgnas import Count, Spec, register_family


class PlainSpec(Spec):
    """A stack of 3x3 convolutions of one width; every second one halves height and width."""

    family: Literal["plain"] = "plain"
    depth: Count
    width: Count
    residual: bool = False

    def canonical(self) -> PlainSpec:
        """Return the spec without shortcuts where no block keeps its shape: two spellings, one network."""
        keeps_shape = self.depth > 2 or self.in_channels == self.width
        return self if keeps_shape else self.replaced(residual=False)


class Plain(nn.Module):
    """The network of a ``PlainSpec``: images N C H W to logits N K."""

    def __init__(self, spec: PlainSpec) -> None:
        super().__init__()
        self.residual = spec.residual
        widths = [spec.in_channels] + [spec.width] * spec.depth
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(widths[i], widths[i + 1], 3, stride=1 + i % 2, padding=1, bias=False),
                nn.BatchNorm2d(widths[i + 1]),
                nn.ReLU(),
            )
            for i in range(spec.depth)
        )
        self.head = nn.Linear(spec.width, spec.num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        x = images
        for block in self.blocks:
            y = block(x)
            x = x + y if self.residual and x.shape == y.shape else y
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits


register_family(PlainSpec, Plain)
