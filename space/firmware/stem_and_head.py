"""The steps that all families share: from the image to the first level, and from the features to the logits."""

from __future__ import annotations

from space.firmware.program import Operator, Step, Tensor
from space.networks.counts import halved
from space.networks.grid_spec import GridSpec


def image_of(spec: GridSpec, image_size: tuple[int, int]) -> Tensor:
    """Return the image: uint8 H W C."""
    return Tensor("image", spec.in_channels, image_size)


def stem_steps(spec: GridSpec, image: Tensor, channels: int, *, has_norm: bool) -> list[Step]:
    """Return the steps of the stem.

    Args:
        spec: The network.
        image: The image.
        channels: Output channels.
        has_norm: Whether a batch norm and a ReLU follow the convolution.
    """
    is_large = spec.stem == "imagenet"
    size = halved(image.size) if is_large else image.size
    operator = Operator("stem.weight", spec.in_channels, channels, 7 if is_large else 3)
    out = Tensor("stem", channels, size, is_signed=not has_norm)
    norm = "stem_norm" if has_norm else ""
    steps = [Step("conv", out, image, operator, stride=2 if is_large else 1, norm=norm, is_image=True)]
    if is_large:
        steps.append(Step("max", Tensor("stem_pool", channels, halved(size), out.is_signed), out))
    return steps


def head_steps(spec: GridSpec, features: Tensor) -> list[Step]:
    """Return the global average pooling and the linear layer. Features are unsigned."""
    assert not features.is_signed
    mean = Tensor("mean", features.channels, (1, 1))
    operator = Operator("head.weight", features.channels, spec.num_classes, 1)
    logits = Tensor("logits", spec.num_classes, (1, 1), is_signed=True)
    return [Step("mean", mean, features), Step("head", logits, mean, operator)]
