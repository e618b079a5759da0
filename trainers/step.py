"""One optimiser step. It hides precision, memory order, micro-batches and CUDA graphs."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.data.device_data import Batch, TaughtBatch
from trainers.device.cuda_graph import GraphedStep
from trainers.device.execution import StepMode
from trainers.optim.optimizers import make_optimizers
from trainers.recipe import Recipe
from trainers.teacher import Teacher, distillation_loss


class TrainStep:
    """Trains one network, batch by batch.

    Attributes:
        num_passes: Passes through the network so far, those of evaluations included; it shows progress.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        mode: StepMode,
        class_weights: Tensor | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        self.recipe = recipe
        self.mode = mode
        self._device = next(network.parameters()).device
        self._class_weights = class_weights
        self._teacher = teacher
        self._network = network
        self._compiled = torch.compile(network) if mode.compile else network
        self.optimizers = make_optimizers(network, recipe)
        self._graph = GraphedStep() if mode.cuda_graph else None
        self._lr_multiplier = math.nan
        self.num_passes = 0

    def __call__(self, batch: Batch | TaughtBatch, lr_multiplier: float) -> Tensor:
        """Train on a batch.

        Args:
            batch: Images float32 N C H W and their targets; without logits of the teacher, the step computes them.
            lr_multiplier: Factor of all learning rates.

        Returns:
            The mean loss of the batch in nats, detached, on the device.
        """
        self.num_passes += 1
        if lr_multiplier != self._lr_multiplier:
            for optimizer in self.optimizers:
                optimizer.set_rates(lr_multiplier)
            self._lr_multiplier = lr_multiplier
        return self._eager(batch) if self._graph is None else self._graph(self._eager, batch)

    def _eager(self, batch: Batch | TaughtBatch) -> Tensor:
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        size = len(batch.images)
        total = torch.zeros((), device=self._device)
        num_pieces = self._num_pieces(size)
        for piece in zip(*(torch.tensor_split(tensor, num_pieces) for tensor in batch), strict=True):
            loss = self._loss_sum(*piece) / size
            torch.autograd.backward(loss)
            total += loss.detach()
        for optimizer in self.optimizers:
            optimizer.step()
        return total

    def _num_pieces(self, size: int) -> int:
        return math.ceil(size / min(size, self.mode.micro_batch or size))

    def logits(self, images: Tensor) -> Tensor:
        """Return logits N K, float32, for images N C H W, float32."""
        self.num_passes += 1
        if not self.mode.channels_last:
            images = images.contiguous()
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self.mode.bfloat16):
            # evaluation batches have other shapes: compilation would take longer than it saves
            logits: Tensor = (self._compiled if self._network.training else self._network)(images)
        return logits.float()

    def teacher_logits(self, images: Tensor) -> Tensor:
        """Return the teacher's logits N K, float32, for a batch N C H W, computed in the pieces of a step."""
        self.num_passes += 1
        pieces = torch.tensor_split(images, self._num_pieces(len(images)))
        return torch.cat([self._taught(piece) for piece in pieces])

    def _loss_sum(self, images: Tensor, targets: Tensor, taught: Tensor | None = None) -> Tensor:
        """Return (1 - w) cross-entropy + w distillation, summed over the images; w = 0 without a teacher."""
        recipe, logits = self.recipe, self.logits(images)
        of_labels = F.cross_entropy(
            logits,
            targets,
            weight=self._class_weights,
            label_smoothing=recipe.label_smoothing,
            reduction="sum",
        )
        if self._teacher is None:
            return of_labels
        taught = self._taught(images) if taught is None else taught
        of_teacher = distillation_loss(logits, taught, recipe.distill_temperature)
        return (1 - recipe.distill_weight) * of_labels + recipe.distill_weight * of_teacher

    def _taught(self, images: Tensor) -> Tensor:
        assert self._teacher is not None
        if not self.mode.channels_last:
            images = images.contiguous()
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self.mode.bfloat16):
            return self._teacher.logits(images)
