"""Quantisation-aware fine-tuning of a trained network: a short training with fake quantisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from space.firmware.programs import program_of
from space.firmware.quantise import IntegerNetwork
from space.modules.build import build
from space.modules.fake_quantised import FakeQuantised
from space.networks.spec import Spec
from trainers.data.device_data import DeviceData
from trainers.data.epoch_plan import batches_in, plan_epoch
from trainers.device.execution import StepMode
from trainers.evaluation import evaluate
from trainers.quantised import evaluate_int8, quantised
from trainers.randomness import derived_seed
from trainers.recipe import Recipe
from trainers.step import TrainStep

Weights = Mapping[str, NDArray[np.float32]]
EVAL_IMAGES = 512


@dataclass(frozen=True)
class FinetuningRecipe:
    """The constants of a fine-tuning; docs/experiments/int8-accuracy.md has the reasons.

    Attributes:
        epochs: Epochs.
        rate: The first learning rate, as a fraction of the peak rates of the training. It falls linearly to 0.
    """

    epochs: int = 5
    rate: float = 0.05


@dataclass(frozen=True)
class Finetuned:
    """The result of a fine-tuning; accuracies are on the validation split, from 0 to 1.

    Attributes:
        weights: The chosen state dict: those of the epoch with the highest int8 accuracy.
        epoch: That epoch; 0 for the weights before the fine-tuning.
        epochs: Trained epochs.
        int8_before: int8 accuracy before.
        int8_accuracy: int8 accuracy of the chosen weights.
        float_before: Accuracy of the float network before.
        float_accuracy: The same of the chosen weights.
    """

    weights: Weights
    epoch: int
    epochs: int
    int8_before: float
    int8_accuracy: float
    float_before: float
    float_accuracy: float


def finetune(
    spec: Spec,
    weights: Weights,
    data: DeviceData,
    recipe: Recipe,
    seed: int,
    constants: FinetuningRecipe | None = None,
    tell: Callable[[str], None] | None = None,
) -> Finetuned:
    """Train a network for a few epochs with the rounding of its int8 code. On a CPU, equal seeds give equal weights.

    The images, their augmentation, the optimiser and the loss are those of the recipe. Before each epoch, the scales
    are measured again on calibration images. Batch norms keep their statistics.

    Args:
        spec: The network.
        weights: Its state dict.
        data: The images on their device.
        recipe: The recipe of its training.
        seed: The seed of its training.
        constants: Epochs and rate.
        tell: Receives one line after each epoch.

    Raises:
        TrainingFailedError: The network has no int8 code.
    """
    constants = constants or FinetuningRecipe()
    network = network_with(spec, weights).to(data.device)
    integers = quantised(spec, weights, data)
    best = before = _accuracies(integers, network, data, recipe)
    chosen, chosen_epoch = dict(weights), 0
    program = program_of(spec, data.search_data.image_size)
    module = FakeQuantised(network, program, integers.scales, data.std, getattr(spec, "dropout", 0.0))
    class_weights = data.class_weights() if recipe.balance else None
    step = TrainStep(module, recipe, StepMode(channels_last=False), class_weights)
    for epoch in range(1, constants.epochs + 1):
        with _random(data.device, derived_seed(seed, "finetuning dropout", epoch)):
            _train_epoch(step, data, recipe, constants, epoch, seed)
        now = _state(network)
        integers = quantised(spec, now, data)
        module.scales = integers.scales
        reached = _accuracies(integers, network, data, recipe)
        if tell is not None:
            tell(f"epoch {epoch}/{constants.epochs}: int8 accuracy {100 * reached[0]:.2f} %")
        if reached[0] > best[0]:
            best, chosen, chosen_epoch = reached, now, epoch
    return Finetuned(chosen, chosen_epoch, constants.epochs, before[0], best[0], before[1], best[1])


def network_with(spec: Spec, weights: Weights) -> nn.Module:
    """Return a network with these weights in evaluation mode, on the CPU."""
    network = build(spec)
    network.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in weights.items()})
    return network.eval()


def _train_epoch(
    step: TrainStep, data: DeviceData, recipe: Recipe, constants: FinetuningRecipe, epoch: int, seed: int
) -> None:
    num_batches = batches_in(len(data.train_labels), recipe.batch_size)
    plan = plan_epoch(len(data.train_labels), recipe, derived_seed(seed, "finetuning"), epoch)
    for place, batch in enumerate(data.train_batches(plan, recipe)):
        progress = ((epoch - 1) * num_batches + place + 0.5) / (constants.epochs * num_batches)
        step(batch, constants.rate * (1 - progress))


def _accuracies(
    integers: IntegerNetwork, network: nn.Module, data: DeviceData, recipe: Recipe
) -> tuple[float, float]:
    """Return the accuracies of the int8 and of the float network by the recipe's metric."""
    float_scores = evaluate(network, data, EVAL_IMAGES, flip=recipe.test_flip)
    return getattr(evaluate_int8(integers, data), recipe.metric), getattr(float_scores, recipe.metric)


def _state(network: torch.nn.Module) -> dict[str, NDArray[np.float32]]:
    return {name: tensor.cpu().numpy().copy() for name, tensor in network.state_dict().items()}


@contextmanager
def _random(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch's global generators, which dropout uses, and restore them afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
