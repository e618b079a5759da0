"""How a network is trained: the ``[train]`` section of a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["auto", "float32", "bfloat16"]
ScheduleName = Literal["one_cycle", "step"]


class Recipe(BaseModel):
    """Stochastic gradient descent with Nesterov momentum.

    ``warmup`` is the share of the steps in which the learning rate rises to ``lr``. Then it falls evenly to
    zero (``schedule`` one_cycle), or to a tenth and a hundredth of ``lr`` after a third and two thirds of
    all steps (``step``: with 150 epochs the published schedule of MgNet). ``crop_padding``
    pixels are reflected at each side and a window of the original size is cut out at random.
    ``precision`` auto is bfloat16 on a CUDA device and float32 on a CPU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    epochs: int = Field(default=12, ge=1, le=10**6)
    batch_size: int = Field(default=64, ge=2, le=10**9)
    lr: float = Field(default=0.2, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)
    warmup: float = Field(default=0.2, ge=0, lt=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    crop_padding: int = Field(default=0, ge=0, le=10**6)
    flip: bool = False
    schedule: ScheduleName = "one_cycle"
    precision: Precision = "auto"

    def replaced(self, changes: Mapping[str, Any]) -> Self:
        """Return the recipe with other values of some keys; pydantic's ValidationError for bad ones."""
        return self.model_validate(self.model_dump() | dict(changes))
