"""The training of one network: from initialisation or a checkpoint to weights on disk, with one report per
epoch.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from space.core.errors import InvalidInputError
from space.core.reports import EpochReport, TrainingCosts
from space.modules import Trained, build, save_weights
from space.modules.blocks import GridNet
from space.networks.spec import Spec
from trainers.checkpoint import CheckpointFile, TrainingState
from trainers.data.device_data import Batch, DeviceData, TaughtBatch
from trainers.data.epoch_plan import EpochPlan, batches_in, plan_epoch
from trainers.device.execution import StepMode
from trainers.device.measurements import Latency, Meter, latencies, steady_latency_ms
from trainers.device.memory import is_out_of_memory, no_room
from trainers.evaluation import evaluate
from trainers.health import check_health, explained
from trainers.optim.averaging import WeightAverage
from trainers.optim.schedule import multiplier
from trainers.randomness import derived_seed
from trainers.recipe import Recipe
from trainers.reports import Scores
from trainers.resuming import choose_mode, usable_state
from trainers.state import collect_tensors, restore_tensors
from trainers.step import TrainStep
from trainers.teacher import Teacher
from trainers.teacher_cache import TeacherCache, is_cached

RECENT = 0.4
"""Largest fraction of the steps so far that the weight average spans."""
EVAL_PIXELS = 2**20
"""Pixels of an evaluation batch, unless a training batch has more."""
EVAL_IMAGES = 1024
"""Largest number of images in an evaluation batch."""


def training_identity(spec: Spec, data: DeviceData, recipe: Recipe, seed: int) -> str:
    """Return the identity of a training: network, images, recipe and seed, as 16 hexadecimal digits."""
    text = f"{spec.arch} {data.search_data.fingerprint()} {seed} {recipe.identity()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Training:
    """The training of one network by a recipe. On a CPU, equal seeds give equal curves.

    With a ``checkpoint`` the training resumes from it, with the same result as without a stop, and writes one
    after every epoch.

    Attributes:
        spec: The network.
        data: The images on their device.
        recipe: How the network is trained.
        seed: The seed of all randomness.
        mode: How the device computes a step.
        reports: Reports of all epochs, those before a stop included.
        scores: Scores of the last epoch that was trained here; None before.
        last_train_s: Seconds of that epoch, without evaluation.
    """

    def __init__(
        self,
        spec: Spec,
        data: DeviceData,
        recipe: Recipe,
        seed: int,
        mode: StepMode | None = None,
        checkpoint: CheckpointFile | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        self._meter = Meter(data.device)
        self.spec = spec
        self.data = data
        self.recipe = recipe
        self.seed = seed
        self.reports: list[EpochReport] = []
        self.scores: Scores | None = None
        self.last_train_s = 0.0
        if (teacher is None) != (recipe.teacher is None):
            raise InvalidInputError("a recipe with train.teacher needs its teacher, and no other one does")
        self._teacher = teacher
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
            checkpoint.write(self.state())  # a resumed training keeps this micro-batch

    def _set_up(self) -> None:
        """Create network, optimisers and average, and restore the state of the checkpoint."""
        with self._random("initialisation"):
            network = build(self.spec)
        if isinstance(network, GridNet):
            network.is_reduced = True
        if self.mode.channels_last:
            network = network.to(memory_format=torch.channels_last)
        self.network = network.to(self.data.device)
        weights = self.data.class_weights() if self.recipe.balance else None
        self._step = TrainStep(self.network, self.recipe, self.mode, weights, self._teacher)
        self._cache: TeacherCache | None = None
        longest = self.recipe.average * self.recipe.epochs * self._batches
        self._average = WeightAverage(self.network, longest, RECENT) if self.recipe.average else None
        if self._kept is not None:
            restore_tensors(self._kept.tensors, self.network, self._step.optimizers, self._average)
            self.reports = [EpochReport(**report) for report in self._kept.facts["reports"]]

    @contextmanager
    def _random(self, *purpose: str | int) -> Iterator[None]:
        """Seed torch's global generators, which initialisation and dropout use, and restore them afterwards."""
        device = self.data.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(derived_seed(self.seed, *purpose))
            yield

    # -- epochs ------------------------------------------------------------------------------------------

    def epochs(self, until: int | None = None) -> Iterator[EpochReport]:
        """Train to the end of the recipe or of epoch ``until``, and yield the report of each epoch.

        Raises:
            TrainingFailedError: The loss is not finite or does not fall, or a single image does not fit in
                memory.
            InvalidInputError: An image file cannot be read.
            OSError: The checkpoint cannot be written.
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
        """Train and evaluate one epoch. If memory runs out, repeat it with half the micro-batch."""
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
                    reason = str(error)  # the error object would keep the step's memory
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
        """Run the steps of an epoch without waiting for the device, and return the sum of their losses."""
        self.network.train()
        done = (epoch - 1) * self._batches
        plan = plan_epoch(len(self.data.train_labels), self.recipe, self.seed, epoch)
        loss_sum = torch.zeros((), device=self.data.device)
        with self._random("dropout", epoch):
            for step, batch in enumerate(self._planned_batches(plan), start=done + 1):
                progress = (step - 0.5) / (self.recipe.epochs * self._batches)
                loss_sum += self._step(batch, multiplier(self.recipe, progress))
                if self._average is not None:
                    self._average.update(step)
                self._meter.step_done()
        return loss_sum

    def _planned_batches(self, plan: EpochPlan) -> Iterator[Batch | TaughtBatch]:
        """Return the batches of a plan, with the logits of the teacher where they are cached."""
        batches = self.data.train_batches(plan, self.recipe)
        if not is_cached(self.recipe, self.data):
            return batches
        if self._cache is None:
            self._cache = TeacherCache(self.data, self.recipe, self._step.teacher_logits)
        return self._cache.taught(batches, plan)

    def _take_half(self, reason: str) -> None:
        """Set up the training again with half the micro-batch."""
        images_at_once = self._images_at_once
        if images_at_once == 1:
            raise no_room("a single image", reason)
        del self._step, self._cache, self._average, self.network
        if self.data.device.type == "cuda":
            torch.cuda.empty_cache()
        self.mode = replace(self.mode, micro_batch=(images_at_once + 1) // 2)
        self._set_up()

    @property
    def num_passes(self) -> int:
        """Passes through the network so far, for heartbeats of another thread; a set-up restarts the number."""
        step: TrainStep | None = getattr(self, "_step", None)
        return 0 if step is None else step.num_passes

    @property
    def _batch_size(self) -> int:
        return min(self.recipe.batch_size, len(self.data.train_labels))

    @property
    def _images_at_once(self) -> int:
        return self.mode.images_at_once(self._batch_size)

    # -- evaluation --------------------------------------------------------------------------------------

    @torch.inference_mode()
    def evaluate(self) -> Scores:
        """Return the scores of the averaged weights (or the weights, without averaging) on the validation split.

        Raises:
            TrainingFailedError: A single image does not fit in memory.
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
        if self.mode.micro_batch is None:  # otherwise memory is short here too
            at_once = max(at_once, EVAL_PIXELS // (height * width))
        return max(1, min(self._most_evaluated, at_once))

    # -- results -------------------------------------------------------------------------------------------

    def state(self) -> TrainingState:
        """Return a copy of all that is needed to resume the training."""
        facts: dict[str, Any] = {
            "reports": [asdict(report) for report in self.reports],
            "mode": asdict(self.mode),
            "device": self.data.device.type,
            "energy_j": self.energy_j(),
        }
        return TrainingState(collect_tensors(self.network, self._step.optimizers, self._average), facts)

    def energy_j(self) -> float | None:
        """Return the energy of the training so far in joules, over all resumes; None if unavailable."""
        return self._meter.energy.joules()

    def latency_ms(self) -> float:
        """Return the time of a forward pass of one image in float32, in milliseconds.

        It does not depend on the weights and does not affect the training.
        """
        height, width = self.data.search_data.image_size
        image = torch.zeros(1, self.data.search_data.in_channels, height, width, device=self.data.device)
        with self.mode.applied(), self._in_full():
            return steady_latency_ms(self.network, image)

    def latencies(self) -> list[Latency]:
        """Return the times of forward passes in float32: one image, and a large batch."""
        images = self.data.search_data
        shape = (images.in_channels, *images.image_size)
        with self.mode.applied(), self._in_full():
            return latencies(self.network, shape, self.data.device, self._eval_batch)

    @contextmanager
    def _in_full(self) -> Iterator[None]:
        """Compute all products of the network, as after loading its weights."""
        if not isinstance(self.network, GridNet):
            yield
            return
        self.network.is_reduced = False
        try:
            yield
        finally:
            self.network.is_reduced = True

    def measurements(self, peak_throughput: float | None = None) -> TrainingCosts:
        """Return what the training cost so far; ``peak_throughput`` is the MACs/s that the device can do."""
        return self._meter.result(
            epochs_s=[report.seconds for report in self.reports],
            num_images=len(self.reports) * self._batches * self._batch_size,
            macs=self.spec.counts(self.data.search_data.image_size).macs,
            peak_throughput=peak_throughput,
            micro_batch=self.mode.micro_batch,
        )

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return the state dict of the last report, averaged where the recipe averages, on the CPU."""
        with self._averaged():
            return {name: tensor.cpu().numpy().copy() for name, tensor in self.network.state_dict().items()}

    def save(self, path: str | Path) -> Path:
        """Write the weights of the last report atomically, and return the path.

        Raises:
            OSError: The file cannot be written.
        """
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
