"""One training, from a fresh network or a checkpoint to its weights on disk, one report an epoch."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from space.core.reports import EpochReport
from space.modules import Trained, build, save_weights
from space.modules.blocks import GridNet
from space.networks.spec import Spec
from trainers.checkpoint import CheckpointFile, TrainingState
from trainers.data.device_data import DeviceData
from trainers.data.epoch_plan import batches_in, plan_epoch
from trainers.device.execution import StepMode
from trainers.device.measurements import Latency, Meter, latencies, steady_latency_ms
from trainers.device.memory import is_out_of_memory, no_room
from trainers.evaluation import evaluate
from trainers.health import check_health, explained
from trainers.optim.averaging import WeightAverage
from trainers.optim.schedule import multiplier
from trainers.randomness import derived_seed
from trainers.recipe import Recipe
from trainers.reports import Measurements, Scores
from trainers.resuming import choose_mode, usable_state
from trainers.state import collect_tensors, restore_tensors
from trainers.step import TrainStep

RECENT = 0.4
"""The share of the steps made so far over which weights are averaged at most."""
EVAL_PIXELS = 2**20
"""Pixels of the images that are evaluated at once, where a training batch has not more."""
EVAL_IMAGES = 1024
"""At most, if they are small."""


def training_identity(spec: Spec, data: DeviceData, recipe: Recipe, seed: int) -> str:
    """Return what tells one training from all others: network, images, recipe and seed."""
    text = f"{spec.arch} {data.search_data.fingerprint()} {seed} {recipe.identity()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Training:
    """A network of ``spec`` trained by ``recipe``; on a CPU the same ``seed`` gives the same curve.

    With a ``checkpoint`` it goes on where that one stands, to the same end as if it had never stopped, and
    leaves one after every epoch. ``reports`` has all epochs, those before it was stopped included;
    ``scores`` and ``last_train_s``, the seconds without evaluation, those of the last epoch trained here.
    """

    def __init__(
        self,
        spec: Spec,
        data: DeviceData,
        recipe: Recipe,
        seed: int,
        mode: StepMode | None = None,
        checkpoint: CheckpointFile | None = None,
    ) -> None:
        self._meter = Meter(data.device)
        self.spec = spec
        self.data = data
        self.recipe = recipe
        self.seed = seed
        self.reports: list[EpochReport] = []
        self.scores: Scores | None = None
        self.last_train_s = 0.0
        self._checkpoint = checkpoint
        self._kept: TrainingState | None = usable_state(checkpoint.read()) if checkpoint else None
        self._most_evaluated = EVAL_IMAGES
        self._batches = batches_in(len(data.train_labels), recipe.batch_size)
        if self._kept is not None:
            self._meter.energy.before_j = self._kept.facts.get("energy_j")
        self.mode = choose_mode(mode or StepMode(), self._kept, spec, data, self._batch_size)
        try:
            self._set_up()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise no_room("the network", str(error)) from None
        if self._kept is None and self.mode.micro_batch is not None and checkpoint is not None:
            checkpoint.write(self.state())  # there may be more memory when it goes on, but nothing changes

    def _set_up(self) -> None:
        """Make the network and what trains it, fresh or as the last epoch left them."""
        with self._random("initialisation"):
            network = build(self.spec)
        if isinstance(network, GridNet):
            network.is_reduced = True
        if self.mode.channels_last:
            network = network.to(memory_format=torch.channels_last)
        self.network = network.to(self.data.device)
        weights = self.data.class_weights() if self.recipe.balance else None
        self._step = TrainStep(self.network, self.recipe, self.mode, weights)
        longest = self.recipe.average * self.recipe.epochs * self._batches
        self._average = WeightAverage(self.network, longest, RECENT) if self.recipe.average else None
        if self._kept is not None:
            restore_tensors(self._kept.tensors, self.network, self._step.optimizers, self._average)
            self.reports = [EpochReport(**report) for report in self._kept.facts["reports"]]

    @contextmanager
    def _random(self, *purpose: str | int) -> Iterator[None]:
        """Let torch's global generators, which dropout and new networks draw from, begin at a known state."""
        device = self.data.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(derived_seed(self.seed, *purpose))
            yield

    # -- epochs ------------------------------------------------------------------------------------------

    def epochs(self, until: int | None = None) -> Iterator[EpochReport]:
        """Train to the end of the recipe, or of epoch ``until``, yielding a report after each epoch.

        Raises:
            TrainingFailedError: the loss is no longer a finite number, or does not move; or there is no
                memory for a single image.
            OSError: the checkpoint cannot be written.
        """
        while len(self.reports) < min(until or self.recipe.epochs, self.recipe.epochs):
            report = self._whole_epoch(len(self.reports) + 1)
            self.reports.append(report)
            check_health(self.reports, self.recipe, self.data.search_data)
            self._kept = self.state()
            if self._checkpoint is not None:
                self._checkpoint.write(self._kept)
            yield report

    def _whole_epoch(self, epoch: int) -> EpochReport:
        """Train and evaluate; where memory does not do, again from the epoch's beginning with half of it."""
        while True:
            began = time.perf_counter()
            with self.mode.applied():
                try:
                    train_loss = self._train_epoch(epoch)
                except ValueError as error:
                    raise explained(error, self._images_at_once) from None
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                    reason = str(error)  # the error itself would keep the step's memory alive
                else:
                    self.last_train_s = time.perf_counter() - began
                    self.scores = self.evaluate()
                    break
            self._take_half(reason)
        self._meter.trained(self._batches * self._batch_size, self.last_train_s)
        accuracy = getattr(self.scores, self.recipe.metric)
        seconds = time.perf_counter() - began
        return EpochReport(epoch, train_loss, self.scores.loss, accuracy, seconds)

    def _train_epoch(self, epoch: int) -> float:
        return self._train_steps(epoch).item() / self._batches

    def _train_steps(self, epoch: int) -> Tensor:
        """Make an epoch's steps without waiting for the device, and return the sum of their losses."""
        self.network.train()
        done = (epoch - 1) * self._batches
        plan = plan_epoch(len(self.data.train_labels), self.recipe, self.seed, epoch)
        loss_sum = torch.zeros((), device=self.data.device)
        with self._random("dropout", epoch):
            for step, batch in enumerate(self.data.train_batches(plan, self.recipe), start=done + 1):
                progress = (step - 0.5) / (self.recipe.epochs * self._batches)
                loss_sum += self._step(batch, multiplier(self.recipe, progress))
                if self._average is not None:
                    self._average.update(step)
                self._meter.step_done()
        return loss_sum

    def _take_half(self, reason: str) -> None:
        """Make everything anew for half as many images at once."""
        images_at_once = self._images_at_once
        if images_at_once == 1:
            raise no_room("a single image", reason)
        del self._step, self._average, self.network
        if self.data.device.type == "cuda":
            torch.cuda.empty_cache()
        self.mode = replace(self.mode, micro_batch=(images_at_once + 1) // 2)
        self._set_up()

    @property
    def _batch_size(self) -> int:
        return min(self.recipe.batch_size, len(self.data.train_labels))

    @property
    def _images_at_once(self) -> int:
        return self.mode.images_at_once(self._batch_size)

    # -- evaluation --------------------------------------------------------------------------------------

    @torch.inference_mode()
    def evaluate(self) -> Scores:
        """Return what the averaged weights (or the weights, without averaging) do on the validation split.

        Raises:
            TrainingFailedError: there is no memory for a single image.
        """
        while True:
            try:
                with self._averaged():
                    self.network.eval()
                    return evaluate(
                        self._step.logits, self.data, self._eval_batch, flip=self.recipe.test_flip
                    )
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error)
            if self._eval_batch == 1:
                raise no_room("a single image", reason)
            self._most_evaluated = self._eval_batch // 2

    def _averaged(self) -> AbstractContextManager[None]:
        return self._average.applied() if self._average is not None else nullcontext()

    @property
    def _eval_batch(self) -> int:
        height, width = self.data.search_data.image_size
        at_once = self._images_at_once
        if self.mode.micro_batch is None:  # else memory may be short, here as well
            at_once = max(at_once, EVAL_PIXELS // (height * width))
        return max(1, min(self._most_evaluated, at_once))

    # -- what is left of it --------------------------------------------------------------------------------

    def state(self) -> TrainingState:
        """Return a copy of everything that a training like this needs to go on."""
        facts: dict[str, Any] = {
            "reports": [asdict(report) for report in self.reports],
            "mode": asdict(self.mode),
            "device": self.data.device.type,
            "energy_j": self.energy_j(),
        }
        return TrainingState(collect_tensors(self.network, self._step.optimizers, self._average), facts)

    def energy_j(self) -> float | None:
        """Return the joules that the training has used so far, in all its parts; None where nobody tells."""
        return self._meter.energy.joules()

    def latency_ms(self) -> float:
        """Return the time of a forward pass of one image in float32, in milliseconds.

        It does not depend on the weights, and nothing in the training on it.
        """
        height, width = self.data.search_data.image_size
        image = torch.zeros(1, self.data.search_data.in_channels, height, width, device=self.data.device)
        with self.mode.applied(), self._in_full():
            return steady_latency_ms(self.network, image)

    def latencies(self) -> list[Latency]:
        """Return the times of forward passes in float32, of one image and of a large batch."""
        images = self.data.search_data
        shape = (images.in_channels, *images.image_size)
        with self.mode.applied(), self._in_full():
            return latencies(self.network, shape, self.data.device, self._eval_batch)

    @contextmanager
    def _in_full(self) -> Iterator[None]:
        """Let the network compute all its products, as it does where its weights are loaded."""
        if not isinstance(self.network, GridNet):
            yield
            return
        self.network.is_reduced = False
        try:
            yield
        finally:
            self.network.is_reduced = True

    def measurements(self, ceiling: float | None = None) -> Measurements:
        """Return what the training cost so far; ``ceiling`` is the MACs/s that the device can do."""
        return self._meter.result(
            epochs_s=[report.seconds for report in self.reports],
            num_images=len(self.reports) * self._batches * self._batch_size,
            macs=self.spec.counts(self.data.search_data.image_size).macs,
            ceiling=ceiling,
            micro_batch=self.mode.micro_batch,
        )

    def save(self, path: str | Path) -> Path:
        """Write the weights that the last report is about, atomically; OSError goes to the caller."""
        assert self.reports
        data = self.data.search_data
        trained = Trained(
            spec=self.spec.canonical().to_dict(),
            mean=tuple(self.data.mean.tolist()),
            std=tuple(self.data.std.tolist()),
            image_size=data.image_size,
            classes=data.classes,
            data=data.name,
            seed=self.seed,
            epochs=self.reports[-1].epoch,
            val_accuracy=self.reports[-1].val_accuracy,
            test_flip=self.recipe.test_flip,
        )
        with self._averaged():
            return save_weights(path, self.network, trained)
