"""One training, from a fresh network or a checkpoint to its weights on disk, one report an epoch."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from space.modules import Trained, build, save_weights
from space.spec import Spec
from trainers.averaging import WeightAverage
from trainers.checkpoint import CheckpointFile, TrainingState
from trainers.device_data import DeviceData
from trainers.epoch_plan import batches_in, plan_epoch
from trainers.execution import StepMode
from trainers.health import TrainingFailedError, check_health
from trainers.memory import is_out_of_memory
from trainers.randomness import derived_seed
from trainers.recipe import Recipe
from trainers.reports import EpochReport, Scores
from trainers.schedule import multiplier
from trainers.step import TrainStep

RECENT = 0.4
"""The share of the steps made so far over which weights are averaged at most."""


def training_identity(spec: Spec, data: DeviceData, recipe: Recipe, seed: int) -> str:
    """Return what tells one training from all others: network, images, recipe and seed."""
    text = f"{spec.arch} {data.search_data.fingerprint()} {seed} {recipe.model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Training:
    """A network of ``spec`` trained by ``recipe``; on a CPU the same ``seed`` gives the same curve.

    With a ``checkpoint`` it goes on where that one stands, to the same end as if it had never stopped, and
    leaves one after every epoch. ``reports`` has all epochs, those before it was stopped included.
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
        self.spec = spec
        self.data = data
        self.recipe = recipe
        self.seed = seed
        self.mode = mode or StepMode()
        self.reports: list[EpochReport] = []
        self.scores: Scores | None = None
        self._checkpoint = checkpoint
        self._kept: TrainingState | None = checkpoint.read() if checkpoint else None
        self._batches = batches_in(len(data.search_data.train), recipe.batch_size)
        self._set_up(self._kept.facts["micro_batch"] if self._kept else self.mode.micro_batch)

    def _set_up(self, micro_batch: int | None) -> None:
        """Make the network and what trains it, fresh or as the last epoch left them."""
        with self._random("initialisation"):
            network = build(self.spec)
        if self.mode.channels_last:
            network = network.to(memory_format=torch.channels_last)
        self.network = network.to(self.data.device)
        weights = self.data.class_weights() if self.recipe.balance else None
        self._step = TrainStep(self.network, self.recipe, self.mode, weights)
        self._step.micro_batch = micro_batch
        self._average = WeightAverage(self.network, self._reach, RECENT) if self.recipe.average else None
        if self._kept is not None:
            self._restore(self._kept)

    @property
    def _reach(self) -> float:
        return self.recipe.average * self.recipe.epochs * self._batches

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
            self._keep()
            yield report

    def _whole_epoch(self, epoch: int) -> EpochReport:
        """Train and evaluate; where memory does not do, again from the epoch's beginning with half of it."""
        while True:
            began = time.perf_counter()
            try:
                train_loss = self._train_epoch(epoch)
                self.scores = self.evaluate()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error)  # the error itself would keep the step's memory alive
            else:
                seconds = time.perf_counter() - began
                accuracy = getattr(self.scores, self.recipe.metric)
                return EpochReport(epoch, train_loss, self.scores.loss, accuracy, seconds)
            self._take_half(reason)

    def _train_epoch(self, epoch: int) -> float:
        self.network.train()
        done = (epoch - 1) * self._batches
        plan = plan_epoch(len(self.data.search_data.train), self.recipe, self.seed, epoch)
        loss_sum = torch.zeros((), device=self.data.device)
        with self._random("dropout", epoch):
            for step, batch in enumerate(self.data.train_batches(plan, self.recipe), start=done + 1):
                progress = (step - 0.5) / (self.recipe.epochs * self._batches)
                loss_sum += self._step(batch, multiplier(self.recipe, progress))
                if self._average is not None:
                    self._average.update(step)
        return loss_sum.item() / self._batches

    @torch.inference_mode()
    def evaluate(self) -> Scores:
        """Return what the averaged weights (or the weights, without averaging) do on the validation split."""
        if self._average is None:
            return self._evaluate()
        with self._average.applied():
            return self._evaluate()

    def _evaluate(self) -> Scores:
        self.network.eval()
        num_classes = self.data.search_data.num_classes
        loss_sum = torch.zeros((), device=self.data.device)
        num_right = torch.zeros(num_classes, device=self.data.device, dtype=torch.int64)
        for images, labels in self.data.val_batches(self._eval_batch):
            logits = self._step.logits(images)
            if self.recipe.test_flip:
                logits = (logits + self._step.logits(images.flip(3))) / 2
            loss_sum += F.cross_entropy(logits, labels, reduction="sum")
            right = logits.argmax(dim=1) == labels
            num_right.index_add_(0, labels, right.long())
        counts = torch.bincount(self.data.val_labels, minlength=num_classes)
        loss = loss_sum.item() / len(self.data.val_labels)
        return Scores(loss, tuple(num_right.tolist()), tuple(counts.tolist()))

    @property
    def _eval_batch(self) -> int:
        """Images that are evaluated at once: as in training, or a million pixels where there is room."""
        if self._step.micro_batch is not None:
            return self._images_at_once
        height, width = self.data.search_data.image_size
        return max(self._images_at_once, min(1024, 2**20 // (height * width)))

    # -- memory and disk -----------------------------------------------------------------------------------

    def _take_half(self, reason: str) -> None:
        micro_batch = self._images_at_once
        if micro_batch == 1:
            raise TrainingFailedError(f"out of memory: a single image does not fit ({reason})")
        del self._step, self._average, self.network
        if self.data.device.type == "cuda":
            torch.cuda.empty_cache()
        self._set_up((micro_batch + 1) // 2)

    @property
    def _images_at_once(self) -> int:
        whole = min(self.recipe.batch_size, len(self.data.train_labels))
        return min(self._step.micro_batch or whole, whole)

    def _keep(self) -> None:
        self._kept = self.state()
        if self._checkpoint is not None:
            self._checkpoint.write(self._kept)

    def state(self) -> TrainingState:
        """Return a copy of everything that a training like this needs to go on."""
        tensors = {f"network/{name}": t for name, t in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self._step.optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    tensors[f"{key}/{name}"] = value
        if self._average is not None:
            tensors |= {f"average/{name}": t for name, t in self._average.tensors.items()}
        copies = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in tensors.items()}
        facts = {"reports": [asdict(r) for r in self.reports], "micro_batch": self._step.micro_batch}
        return TrainingState(copies, facts)

    def _restore(self, state: TrainingState) -> None:
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in state.tensors.items():
            part, _, rest = name.partition("/")
            parts.setdefault(part, {})[rest] = tensor
        self.network.load_state_dict(parts.pop("network"))
        averages = parts.pop("average", {})
        if self._average is not None:
            for name, tensor in self._average.tensors.items():
                tensor.copy_(averages[name])
        parameters = dict(self.network.named_parameters())
        for key, tensors in parts.items():
            for name, tensor in tensors.items():
                parameter = parameters[name]
                self._step.optimizer.state[parameter][key] = torch.empty_like(parameter).copy_(tensor)
        self.reports = [EpochReport(**report) for report in state.facts["reports"]]

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
        if self._average is None:
            return save_weights(path, self.network, trained)
        with self._average.applied():
            return save_weights(path, self.network, trained)
