"""How a network is trained: the ``[train]`` section of a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["auto", "float32", "bfloat16"]
ScheduleName = Literal["constant", "one_cycle", "step"]
OptimizerName = Literal["sgd", "muon"]
Metric = Literal["accuracy", "balanced_accuracy"]


BEFORE: dict[str, Any] = {"schedule": "one_cycle", "average": 0.0, "muon_decay": 1.0}
"""What studies were trained by that were begun before the recipe had these keys."""


class Recipe(BaseModel):
    """Stochastic gradient descent with Nesterov momentum, or with muon for the weights of convolutions.

    ``muon_lr`` is the rate of those weights under ``optimizer`` muon (see ``trainers.muon``), ``lr`` that
    of all others; grouped convolutions and the stem belong to the latter.

    The learning rates. ``warmup`` is the share of the steps in which ``lr`` is risen to. By ``schedule``
    constant it stays there, until it falls evenly to zero in the last share ``decay`` of the steps; by
    one_cycle it falls evenly to zero at once; by step it is a tenth and a hundredth of ``lr`` after a third
    and two thirds of all steps (with 150 epochs the published schedule of MgNet).

    The weights. ``weight_decay`` is for those of convolutions and the linear layer, unless ``decay_norms``
    has it for scales, shifts and biases too, as the papers do. A step takes ``lr * weight_decay`` of
    SGD's weights off, and its momentum makes ``1 / (1 - momentum)`` times that of it; of muon's it takes
    ``muon_decay`` times as much at once: 10 is the same for a momentum of 0.9. With ``average`` above 0
    what is evaluated and kept is an average of the weights over about that share of all steps: see
    ``trainers.averaging.WeightAverage``.

    The images. ``crop_padding`` pixels are reflected at each side and a window of the original size is cut
    out at random; ``flip`` mirrors half of the images, and the other half in the next epoch; a square of
    ``cutout`` pixels is blanked; ``mixup`` is the alpha of the distribution by which images and labels are
    mixed in pairs. ``balance`` weighs each class as if all had the same number of images. ``test_flip``
    judges an image by its logits and those of its mirror image.

    ``metric`` is what a validation accuracy says: the share of images that are classified right, or
    (balanced) the mean over the classes of each one's share. ``precision`` auto is what is fastest on the
    device.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    epochs: int = Field(default=12, ge=1, le=10**6)
    batch_size: int = Field(default=64, ge=2, le=10**9)
    lr: float = Field(default=0.1, gt=0)
    optimizer: OptimizerName = "sgd"
    muon_lr: float = Field(default=0.03, gt=0)
    muon_decay: float = Field(default=10.0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)
    decay_norms: bool = False
    schedule: ScheduleName = "constant"
    warmup: float = Field(default=0.05, ge=0, lt=1)
    decay: float = Field(default=0.25, ge=0, le=1)
    average: float = Field(default=0.1, ge=0, le=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    crop_padding: int = Field(default=0, ge=0, le=10**6)
    flip: bool = False
    cutout: int = Field(default=0, ge=0, le=10**6)
    mixup: float = Field(default=0.0, ge=0, le=100)
    balance: bool = False
    test_flip: bool = False
    metric: Metric = "accuracy"
    precision: Precision = "auto"

    def identity(self) -> str:
        """Return what tells trainings by this recipe from others; a later key is left out if it is BEFORE's.

        So trainings that were begun before there was ``muon_decay`` go on from their checkpoints.
        """
        text = self.model_dump_json(exclude_defaults=True, exclude={"muon_decay"})
        is_as_before = self.optimizer != "muon" or self.muon_decay == BEFORE["muon_decay"]
        return text if is_as_before else f"{text} muon_decay={self.muon_decay!r}"

    def replaced(self, changes: Mapping[str, Any]) -> Self:
        """Return the recipe with other values of some keys; pydantic's ValidationError for bad ones."""
        return self.model_validate(self.model_dump() | dict(changes))
