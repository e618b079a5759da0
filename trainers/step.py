"""One optimiser step, with precision, memory layout, micro-batches and graphs hidden behind a call."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.device_data import Batch
from trainers.execution import StepMode
from trainers.recipe import Recipe


class TrainStep:
    """SGD with Nesterov momentum on one network; calling it trains on a batch and returns its loss.

    Weight decay is for weights of convolutions and the linear layer only: on the scales and shifts of
    batch norms and on the bias it would pull without regularising (He et al. 2019, section 3.1). The
    recipe may have it otherwise.
    """

    def __init__(
        self, network: nn.Module, recipe: Recipe, mode: StepMode, class_weights: Tensor | None = None
    ) -> None:
        self.network = network
        self.recipe = recipe
        self.micro_batch = mode.micro_batch
        self.optimizer = _optimizer(network, recipe)
        self._mode = mode
        self._device = next(network.parameters()).device
        self._class_weights = class_weights
        self._forward = torch.compile(network) if mode.compile else network

    def __call__(self, batch: Batch, lr_multiplier: float) -> Tensor:
        """Train on a batch; return its mean loss, detached, still on the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr * lr_multiplier
        self.optimizer.zero_grad(set_to_none=True)
        size = len(batch.images)
        pieces = min(size, self.micro_batch or size)
        total = torch.zeros((), device=self._device)
        for images, targets in zip(*(torch.split(t, pieces) for t in batch), strict=True):
            loss = self._loss_sum(self.logits(images), targets) / size
            torch.autograd.backward(loss)
            total += loss.detach()
        self.optimizer.step()
        return total

    def logits(self, images: Tensor) -> Tensor:
        """Return the network's logits N K, float32, for float32 images N C H W."""
        if not self._mode.channels_last:
            images = images.contiguous()
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._mode.bfloat16):
            logits: Tensor = self._forward(images)
        return logits.float()

    def _loss_sum(self, logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(
            logits,
            targets,
            weight=self._class_weights,
            label_smoothing=self.recipe.label_smoothing,
            reduction="sum",
        )


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    parameters = list(network.parameters())
    decayed = [p for p in parameters if p.ndim > 1 or recipe.decay_norms]
    others = [p for p in parameters if not (p.ndim > 1 or recipe.decay_norms)]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        foreach=True,
    )
