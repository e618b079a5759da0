"""One training, from a fresh network to its weights on disk, one report an epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from space.errors import MgnasError
from space.modules import Trained, build, save_weights
from space.spec import Spec
from trainers.device_data import DeviceData
from trainers.recipe import Recipe
from trainers.schedule import multiplier
from trainers.step import TrainStep, autocast


class TrainingFailedError(MgnasError):
    """The training ended without a usable network; the text is the reason."""


@dataclass(frozen=True)
class EpochReport:
    """What one epoch brought: mean losses in nats per image, accuracy from 0 to 1, wall time in seconds."""

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    seconds: float


class Training:
    """A network of ``spec`` trained by ``recipe``; on a CPU the same ``seed`` gives the same curve."""

    def __init__(self, spec: Spec, data: DeviceData, recipe: Recipe, seed: int) -> None:
        self.spec = spec
        self.data = data
        self.recipe = recipe
        self.seed = seed
        self.last_report: EpochReport | None = None
        self._generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build(spec)
        self.network = network.to(memory_format=torch.channels_last).to(data.device)
        self._step = TrainStep(self.network, recipe, data.device)

    def epochs(self) -> Iterator[EpochReport]:
        """Train to the end of the recipe, yielding a report after each epoch.

        Raises:
            TrainingFailedError: the training or the validation loss is no longer a finite number.
        """
        for epoch in range(1, self.recipe.epochs + 1):
            began = time.perf_counter()
            train_loss = self._train_epoch(epoch)
            _check_finite("training", train_loss, epoch)
            val_loss, val_accuracy = self.evaluate()
            _check_finite("validation", val_loss, epoch)
            seconds = time.perf_counter() - began
            self.last_report = EpochReport(epoch, train_loss, val_loss, val_accuracy, seconds)
            yield self.last_report

    def _train_epoch(self, epoch: int) -> float:
        self.network.train()
        num_batches = self.data.num_batches(self.recipe)
        done = (epoch - 1) * num_batches
        total = self.recipe.epochs * num_batches
        loss_sum = torch.zeros((), device=self.data.device)
        for index, (images, labels) in enumerate(self.data.train_batches(self.recipe, self._generator)):
            progress = (done + index + 0.5) / total
            loss_sum += self._step(images, labels, multiplier(self.recipe, progress))
        return loss_sum.item() / num_batches

    @torch.inference_mode()
    def evaluate(self) -> tuple[float, float]:
        """Return loss and accuracy on the validation split."""
        self.network.eval()
        loss_sum = torch.zeros((), device=self.data.device)
        num_right = torch.zeros((), device=self.data.device, dtype=torch.int64)
        for images, labels in self.data.val_batches():
            with autocast(self.recipe, self.data.device):
                logits = self.network(images)
            loss_sum += F.cross_entropy(logits.float(), labels, reduction="sum")
            num_right += (logits.argmax(dim=1) == labels).sum()
        return loss_sum.item() / len(self.data.val), num_right.item() / len(self.data.val)

    def save(self, path: str | Path) -> Path:
        """Write the weights of a finished training, atomically; OSError goes to the caller."""
        assert self.last_report is not None
        data = self.data.search_data
        trained = Trained(
            spec=self.spec.canonical().to_dict(),
            mean=tuple(self.data.mean.flatten().tolist()),
            std=tuple(self.data.std.flatten().tolist()),
            image_size=data.image_size,
            classes=data.classes,
            data=data.name,
            seed=self.seed,
            epochs=self.last_report.epoch,
            val_accuracy=self.last_report.val_accuracy,
        )
        return save_weights(path, self.network, trained)


def _check_finite(kind: str, loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise TrainingFailedError(f"diverged: the {kind} loss is {loss} in epoch {epoch}")
