"""One optimiser step, with precision, memory layout and optimiser hidden behind a call."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.recipe import Recipe


def autocast(recipe: Recipe, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which the recipe's precision holds on ``device``."""
    wanted = recipe.precision
    bfloat16 = wanted == "bfloat16" or (wanted == "auto" and device.type == "cuda")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16)


class TrainStep:
    """SGD with Nesterov momentum on one network; calling it trains on a batch and returns its loss.

    Weight decay is for weights of convolutions and the linear layer only: on the scales and shifts of
    batch norms and on the bias it would pull without regularising (He et al. 2019, section 3.1).
    """

    def __init__(self, network: nn.Module, recipe: Recipe, device: torch.device) -> None:
        self.network = network
        self.recipe = recipe
        self.device = device
        weights = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        groups = [
            {"params": weights, "weight_decay": recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        nesterov = recipe.momentum > 0
        self.optimizer = torch.optim.SGD(
            groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=nesterov, foreach=True
        )

    def __call__(self, images: Tensor, labels: Tensor, lr_multiplier: float) -> Tensor:
        """Train on N C H W images and N labels; return the mean loss, detached, still on the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr * lr_multiplier
        self.optimizer.zero_grad(set_to_none=True)
        with autocast(self.recipe, self.device):
            logits = self.network(images)
        loss = F.cross_entropy(logits.float(), labels, label_smoothing=self.recipe.label_smoothing)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.detach()
