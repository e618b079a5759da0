"""Which weights are moved by which optimiser, with which decay."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainers.muon import Muon
from trainers.recipe import Recipe

MUON_MOMENTUM = 0.95
"""As published."""


def make_optimizers(network: nn.Module, recipe: Recipe, device: torch.device) -> list[torch.optim.Optimizer]:
    """Return optimisers that together move all weights of ``network``.

    Weight decay is for weights of convolutions and the linear layer only: on the scales and shifts of batch
    norms and on the bias it would pull without regularising (He et al. 2019, section 3.1). The recipe may
    have it otherwise. On a GPU learning rates are tensors there, which a CUDA graph can read; each group's
    ``base_lr`` is what a schedule multiplies.
    """
    orthogonal = _inner_weights(network) if recipe.optimizer == "muon" else []
    chosen = {id(weight) for weight in orthogonal}
    rest = [weight for weight in network.parameters() if id(weight) not in chosen]
    decayed = [weight for weight in rest if weight.ndim > 1 or recipe.decay_norms]
    others = [weight for weight in rest if not (weight.ndim > 1 or recipe.decay_norms)]
    groups = [
        _group(weights, recipe.lr, decay, device)
        for weights, decay in ((decayed, recipe.weight_decay), (others, 0.0))
        if weights
    ]
    momentum = recipe.momentum
    sgd = torch.optim.SGD(groups, lr=recipe.lr, momentum=momentum, nesterov=momentum > 0, fused=True)
    if not orthogonal:
        return [sgd]
    # a step takes lr * weight_decay of the weights off, as for the others; there momentum multiplies it
    decay = recipe.weight_decay * recipe.lr / recipe.muon_lr
    group = _group(orthogonal, recipe.muon_lr, decay, device)
    return [sgd, Muon([group], lr=recipe.muon_lr, momentum=MUON_MOMENTUM, weight_decay=decay)]


def _group(
    weights: list[nn.Parameter], lr: float, weight_decay: float, device: torch.device
) -> dict[str, Any]:
    rate = torch.tensor(lr, device=device) if device.type == "cuda" else lr
    return {"params": weights, "lr": rate, "base_lr": lr, "weight_decay": weight_decay}


def _inner_weights(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights of all ungrouped convolutions but the first, which reads the image."""
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    inner = {id(module.weight) for module in convolutions[1:] if module.groups == 1}
    return [weight for weight in network.parameters() if id(weight) in inner]
