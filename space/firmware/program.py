"""A network as a program: tensors of 8-bit integers, and the steps that compute them for one image.

Every step computes, for each channel c and pixel, with sigma = ReLU or the identity:

    t = norm(product * op(source) + factor * y)
    out = clamp(scale * sigma(t) + sum of added tensors with their factors)

``op`` is a convolution, a pooling, or absent. ``norm`` is a batch norm or absent. Unsigned tensors are clamped
at zero, which is a ReLU too. So one iteration of an MgNet is two steps, and u is updated in place.

The order of the steps fixes the memory: a tensor lives from its step to its last use, and a step may write its
output over an elementwise operand that it uses last.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

TABLE_BYTES = 4
"""Bytes of a multiplier or a bias: int32."""
LAYER_BYTES = 24
"""Bytes of the description of a step: sizes, shifts, and the places of its weights and tables."""
PATCH_BYTES = 2
"""Bytes of a value in the patch, the inputs of one output pixel of a convolution: int16."""

StepKind = Literal["conv", "pointwise", "average", "max", "mean", "head"]


class Tensor(NamedTuple):
    """8-bit integers H W C; symmetric around zero if ``is_signed``, otherwise from zero."""

    name: str
    channels: int
    size: tuple[int, int]
    is_signed: bool = False

    @property
    def bytes(self) -> int:
        """The bytes of the tensor."""
        return self.channels * self.size[0] * self.size[1]


class Operator(NamedTuple):
    """A convolution's or the head's weights: int8, one scale for each output channel.

    Attributes:
        key: Name in the state dict.
        in_channels: Input channels.
        out_channels: Output channels.
        kernel: Side of the kernel in pixels.
        groups: Number of groups.
    """

    key: str
    in_channels: int
    out_channels: int
    kernel: int = 3
    groups: int = 1

    @property
    def num_inputs(self) -> int:
        """The number of products of one output value."""
        return self.kernel**2 * (self.in_channels // self.groups)

    @property
    def bytes(self) -> int:
        """The bytes of the weights."""
        return self.num_inputs * self.out_channels


class Factor(NamedTuple):
    """A scalar of a step: a constant, or one that the smoother defines.

    Attributes:
        kind: ``one``, ``minus_one``, ``alpha``, ``quadratic_a`` (-1 / (a^2 + b^2)), ``quadratic_r``
            (2a / (a^2 + b^2)), ``omega`` and ``rest`` (1 - omega) of a learned weight, or the same of a
            Chebyshev weight, ``chebyshev`` and ``chebyshev_rest``.
        key: Name in the state dict.
        number: Index of the weight.
    """

    kind: str
    key: str = ""
    number: int = 0


ONE, MINUS_ONE = Factor("one"), Factor("minus_one")


class Added(NamedTuple):
    """A tensor that a step adds after sigma, times a factor."""

    tensor: Tensor
    factor: Factor = ONE


class Step(NamedTuple):
    """One step of a program; see the module.

    Attributes:
        kind: ``conv``; ``pointwise`` without op; ``average`` and ``max`` over 3x3 pixels with stride 2;
            ``mean`` over all pixels; ``head``, the linear layer, whose ``out`` are the logits.
        out: The result.
        source: The input of op.
        operator: The weights of a convolution or of the head.
        stride: The stride of a convolution.
        product: The factor of op.
        y: The tensor inside the norm.
        factor: The factor of y.
        norm: Name of the batch norm in the state dict; empty for none.
        is_relu: Whether sigma stands before the additions. Without additions the clamp does the same.
        scale: The factor of sigma.
        adds: The added tensors.
        is_image: Whether the source is the image, which the step normalises.
    """

    kind: StepKind
    out: Tensor
    source: Tensor | None = None
    operator: Operator | None = None
    stride: int = 1
    product: Factor = ONE
    y: Tensor | None = None
    factor: Factor = ONE
    norm: str = ""
    is_relu: bool = False
    scale: Factor = ONE
    adds: tuple[Added, ...] = ()
    is_image: bool = False

    @property
    def has_multipliers(self) -> bool:
        """Whether the step has a multiplier of op for each channel."""
        return self.kind in ("conv", "head") or (self.kind == "average" and bool(self.norm))

    @property
    def has_biases(self) -> bool:
        """Whether the step has a bias for each channel."""
        return bool(self.norm) or self.kind == "head" or self.is_image

    @property
    def elementwise(self) -> tuple[Tensor, ...]:
        """The operands whose memory the output may take."""
        added = tuple(add.tensor for add in self.adds)
        return added if self.y is None else (*added, self.y)

    @property
    def operands(self) -> tuple[Tensor, ...]:
        """All tensors that the step reads."""
        return self.elementwise if self.source is None else (self.source, *self.elementwise)

    @property
    def table_bytes(self) -> int:
        """The bytes of its multipliers and biases: those of op, of y and the bias for each channel, and one
        multiplier for each added tensor and for a mean.
        """
        per_channel = self.has_multipliers + (self.y is not None) + self.has_biases
        single = len(self.adds) + (self.kind == "mean")
        return TABLE_BYTES * (self.out.channels * per_channel + single)

    @property
    def patch_bytes(self) -> int:
        """The bytes of the patch of a convolution or of the head."""
        if self.operator is None:
            return 0
        return PATCH_BYTES * self.operator.kernel**2 * self.operator.in_channels


class Program(NamedTuple):
    """The steps of a network for one image, in order. The first reads the image, the last gives the logits.

    Example:
        >>> program = program_of(mgnas.parse_notation("MgNet[2,2]-16-B^l"), 32)
        >>> program.flash_bytes, program.sram_bytes
    """

    image: Tensor
    steps: tuple[Step, ...]

    @property
    def flash_bytes(self) -> int:
        """The bytes of all constants: each operator's weights once, tables and description of each step, the
        mean pixel. Code is not included.
        """
        weights = {step.operator.key: step.operator.bytes for step in self.steps if step.operator is not None}
        tables = sum(step.table_bytes for step in self.steps)
        return sum(weights.values()) + tables + LAYER_BYTES * len(self.steps) + self.image.channels

    @property
    def patch_bytes(self) -> int:
        """The bytes of the largest patch."""
        return max(step.patch_bytes for step in self.steps)

    @property
    def arena_bytes(self) -> int:
        """The bytes of the arena: the most that live at once, the image included."""
        last_step = self.last_uses()
        now = most = self.image.bytes
        for index, step in enumerate(self.steps):
            dying = {tensor for tensor in step.operands if last_step[tensor.name] == index}
            freed = sum(tensor.bytes for tensor in dying)
            if step.kind == "head":
                break
            if (operand := in_place(step, dying)) is not None:
                freed -= operand.bytes
            else:
                now += step.out.bytes
            most = max(most, now)
            now -= freed
        return most

    @property
    def sram_bytes(self) -> int:
        """The bytes of the arena and the patch. Stack, image source and logits are not included."""
        return self.arena_bytes + self.patch_bytes

    def last_uses(self) -> dict[str, int]:
        """Return the index of the last step that reads each tensor, by name."""
        return {tensor.name: index for index, step in enumerate(self.steps) for tensor in step.operands}


def in_place(step: Step, dying: Collection[Tensor]) -> Tensor | None:
    """Return the operand whose memory the output of a step takes; None if it needs its own.

    Args:
        step: The step.
        dying: The tensors that no later step reads.
    """
    for tensor in step.elementwise:
        if tensor in dying and tensor != step.source and tensor.bytes == step.out.bytes:
            return tensor
    return None
