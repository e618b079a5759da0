"""The optimisers of a recipe: which one updates which weights, with which decay."""

from __future__ import annotations

from torch import nn

from trainers.optim.muon import Muon
from trainers.optim.optimizer import Optimizer, WeightGroup
from trainers.optim.sgd import SGD
from trainers.recipe import Recipe

MUON_MOMENTUM = 0.95
"""The published value."""


def make_optimizers(network: nn.Module, recipe: Recipe) -> list[Optimizer]:
    """Return optimisers that together update all weights of ``network``.

    Weight decay applies to convolutions and the linear layer. On batch norms and biases it does not
    regularise (He et al. 2019, section 3.1); ``decay_norms`` applies it there too.
    """
    orthogonal = _inner_weights(network) if recipe.optimizer == "muon" else []
    chosen = {id(weight) for weight in orthogonal}
    rest = [weight for weight in network.parameters() if id(weight) not in chosen]
    decayed = [weight for weight in rest if weight.ndim > 1 or recipe.decay_norms]
    others = [weight for weight in rest if not (weight.ndim > 1 or recipe.decay_norms)]
    groups = [
        WeightGroup(weights, recipe.lr, decay)
        for weights, decay in ((decayed, recipe.weight_decay), (others, 0.0))
        if weights
    ]
    sgd = SGD(groups, recipe.momentum)
    if not orthogonal:
        return [sgd]
    # a step then subtracts lr * weight_decay * muon_decay of the weights
    decay = recipe.muon_decay * recipe.weight_decay * recipe.lr / recipe.muon_lr
    return [sgd, Muon([WeightGroup(orthogonal, recipe.muon_lr, decay)], MUON_MOMENTUM)]


def _inner_weights(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights of all ungrouped convolutions except the first, which reads the image."""
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    inner = {id(module.weight) for module in convolutions[1:] if module.groups == 1}
    return [weight for weight in network.parameters() if id(weight) in inner]
