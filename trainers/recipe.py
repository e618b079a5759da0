"""The recipe of a training: the ``[train]`` section of a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

LONGEST_SIDE = 10_000
"""Largest height or width of images that a study may set, in pixels."""
Precision = Literal["auto", "float32", "bfloat16"]
ScheduleName = Literal["constant", "one_cycle", "step"]
OptimizerName = Literal["sgd", "muon"]
Metric = Literal["accuracy", "balanced_accuracy"]


class Recipe(BaseModel):
    """How a network is trained: the ``[train]`` section of a study.

    Optimiser ``sgd`` is stochastic gradient descent with Nesterov momentum. Optimiser ``muon`` trains the inner
    convolutions with Muon (rate ``muon_lr``) and all other weights with SGD (rate ``lr``).

    An SGD step subtracts ``lr * weight_decay`` of a weight, and momentum multiplies this by
    ``1 / (1 - momentum)``. A Muon step subtracts ``muon_lr * weight_decay * muon_decay`` at once. The default
    ``muon_decay = 10`` gives both the same decay at a momentum of 0.9.

    With ``average > 0``, an average of the weights is evaluated and kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    epochs: int = Field(default=12, ge=1, le=10**6, description="Epochs of a full training.")
    batch_size: int = Field(default=64, ge=2, le=10**9, description="Images of one optimiser step.")
    lr: float = Field(default=0.1, gt=0, description="Peak learning rate.")
    optimizer: OptimizerName = Field(
        default="sgd",
        description="sgd: Nesterov momentum; muon: orthogonalised updates for inner convolutions, SGD for all"
        " other weights.",
    )
    muon_lr: float = Field(
        default=0.03, gt=0, description="Peak learning rate of the weights that Muon trains."
    )
    muon_decay: float = Field(
        default=10.0, ge=0, description="Factor on weight_decay for the weights that Muon trains."
    )
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Momentum of both optimisers.")
    weight_decay: float = Field(
        default=5e-4, ge=0, description="L2 coefficient of convolutions and the linear layer."
    )
    decay_norms: bool = Field(
        default=False, description="Whether weight decay also applies to batch norms and biases."
    )
    schedule: ScheduleName = Field(
        default="constant",
        description="constant: warm-up, constant rate, linear fall; one_cycle: rise and linear fall; step: "
        "division by 10 at 1/3 and 2/3.",
    )
    warmup: float = Field(
        default=0.05, ge=0, lt=1, description="Fraction of the steps in which the learning rate rises."
    )
    decay: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Fraction of the steps in which a constant rate falls to zero at the end.",
    )
    average: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Fraction of the steps that the weight average spans; 0: no average.",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Probability mass that the target spreads over all classes."
    )
    crop_padding: int = Field(
        default=0,
        ge=0,
        le=10**6,
        description="Reflected pixels on each side before a random crop; 0: no crop.",
    )
    flip: bool = Field(
        default=False, description="Whether each image is mirrored left to right in every second epoch."
    )
    cutout: int = Field(
        default=0,
        ge=0,
        le=10**6,
        description="Side in pixels of a square that is blanked at random; 0: none.",
    )
    trivial_augment: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Largest strength of TrivialAugment, as a fraction of the published one; 0: none.",
    )
    random_erasing: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Probability that a random rectangle of an image is blanked; 0: none.",
    )
    mixup: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="Alpha of the beta distribution that mixes pairs of images; 0: no mixture.",
    )
    teacher: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{16}$",
        description="Digest of the weights of a network to imitate, set by --teacher of 'mgnas train' and"
        " 'mgnas certify'; unset: no distillation.",
    )
    distill_weight: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Weight of the teacher's logits in the loss; the labels have the rest.",
    )
    distill_temperature: float = Field(
        default=4.0, gt=0, le=1000, description="Temperature of the softmax of teacher and student."
    )
    balance: bool = Field(
        default=False, description="Whether the loss weights classes by the inverse of their frequency."
    )
    test_flip: bool = Field(
        default=False,
        description="Whether evaluation averages the logits of an image and its mirror image; doubles inference cost.",
    )
    metric: Metric = Field(
        default="accuracy",
        description="accuracy: fraction of correct images; balanced_accuracy: mean of the recall of each class.",
    )
    precision: Precision = Field(
        default="auto", description="Precision of a step; auto: the fastest on the device."
    )
    image_size: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_SIDE,
        description="Height and width in pixels of the images of an imagefolder; searched only, in [space.train];"
        " unset: data.image_size.",
    )

    def identity(self) -> str:
        """Return a text that is equal for equal recipes: the keys that differ from their defaults, as JSON."""
        return self.model_dump_json(exclude_defaults=True)

    def replaced(self, changes: Mapping[str, Any]) -> Self:
        """Return the recipe with other values of some keys.

        Raises:
            ValidationError: A value is invalid (pydantic).
        """
        return self.model_validate(self.model_dump() | dict(changes))
