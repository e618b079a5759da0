"""Calibration: measures and stores which mode of a training step is fastest on a device.

The fastest mode depends on the size of the network. Networks are therefore classified by their MACs. A probe
network represents each class; it is measured when the first network of the class is trained.

Other programs only make a measurement slower. It is therefore repeated until two rounds agree; the least
times count. The load is stored with them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from space.networks.spec import Spec
from trainers.device.calibration_probes import CUDA_PROBES, PROBES, Probe, product_s, product_size, step_time
from trainers.device.calibration_question import Question, ask
from trainers.device.calibration_records import (
    RENEW_AFTER,
    Record,
    calibrations_folder,
    locked,
    read_records,
    write_records,
)
from trainers.device.calibration_rounds import in_rounds
from trainers.device.device_key import device_key
from trainers.device.execution import ExecutionConfig, StepMode
from trainers.recipe import Recipe

GAIN = 0.9
"""A mode must take less than this fraction of the plain mode's time. Smaller gains are noise."""
LEAST_STEP = 0.3
"""Fraction of the probe's time that a step takes at least, however small the network is."""
EVALUATION = 0.2
"""Time of an image in an evaluation over that in a training step: the forward pass."""
SLOWER, FASTER = 2.5, 1.5
"""Factors between the current and the measured time of a step that cast doubt on the measurement.

Other trainings make a step up to about twice as slow. Nothing makes it faster.
"""


class Calibration:
    """The measurements of one device with one number of threads, in ``folder`` and in the user's cache.

    A study uses the records of its folder, so its trainings do not change. The cache makes studies on one
    device train alike; later studies repeat doubtful measurements in it. Processes that share a file wait for
    each other.

    Args:
        device: The device.
        folder: The study's folder of calibrations; None uses the cache only.
        memory_share: Fraction of the device's memory that belongs to this process.
        tell: Called once before the first measurement, which takes seconds.
    """

    def __init__(
        self,
        device: torch.device,
        folder: str | Path | None,
        memory_share: float = 1.0,
        tell: Callable[[], None] | None = None,
    ) -> None:
        self.device = device
        self.memory_share = memory_share
        self._tell = tell
        name = f"{device_key(device)}.json"
        self.users_path = calibrations_folder() / name
        self.path = self.users_path if folder is None else Path(folder) / name
        self._checked_s: dict[str, float] = {}
        self._loaded: dict[str, tuple[float, float]] = {}

    def mode(
        self, spec: Spec, recipe: Recipe, config: ExecutionConfig, image_size: tuple[int, int]
    ) -> StepMode:
        """Return the mode of a training: as configured, and the fastest where the configuration is auto.

        Args:
            spec: The network.
            recipe: Its training.
            config: The configured execution.
            image_size: Height and width in pixels.

        Raises:
            OSError: The folder cannot be written to.
        """
        question = self._question(self._probe(spec, image_size), recipe, config)
        if not question.is_open:
            return question.first
        return question.answer(self._kept(question.key, partial(self._fastest, question)))

    def peak_throughput(self, *, bfloat16: bool) -> float:
        """Return the peak throughput of the device in MACs/s: that of large matrix products in this precision."""
        name = "bfloat16" if bfloat16 else "float32"
        record = self._kept(f"matrix products; {name}", partial(self._product, name))
        return product_size(self.device) ** 3 / record.step_s

    def check(
        self, spec: Spec, recipe: Recipe, config: ExecutionConfig, image_size: tuple[int, int]
    ) -> str | None:
        """Measure the fastest mode again and doubt the record if the times differ widely.

        Later studies then measure again; the choices of this study stay. Each class is checked at most once
        in ``RENEW_AFTER``. A check takes a few steps. The arguments are those of ``mode``.

        Returns:
            The doubt as one line for a log; None if there is none.
        """
        question = self._question(self._probe(spec, image_size), recipe, config)
        record = read_records(self.path).get(question.key)
        now_s = time.monotonic()
        due_s = self._checked_s.get(question.key, -math.inf) + RENEW_AFTER.total_seconds()
        if record is None or now_s < due_s:
            return None
        self._checked_s[question.key] = now_s
        with suppress(RuntimeError, MemoryError):  # no memory beside a training: no check
            ratio = self._step_s(question, question.answer(record)) / record.step_s
            if not 1 / FASTER <= ratio <= SLOWER:
                return self._doubt(question.key, record, ratio)
        return None

    def foretold_epoch_s(
        self,
        spec: Spec,
        recipe: Recipe,
        config: ExecutionConfig,
        image_size: tuple[int, int],
        num_images: int,
        num_val: int = 0,
    ) -> float | None:
        """Return the expected seconds of an epoch with its evaluation; None if the class was not measured.

        A step takes ``t (o n / n_p + a b / b_p + (1 - o - a) w / w_p)``: ``t`` is the time of the probe's step, ``o``
        its ``overhead`` and ``a`` its ``traffic``; ``n`` and ``n_p`` are the operations, ``b`` and ``b_p`` the bytes of
        activations, ``w`` and ``w_p`` the MACs of a batch of the network and of the probe. The sum in brackets is at
        least ``LEAST_STEP``. An image of the evaluation takes ``EVALUATION`` of the time of one in a step. On a CPU,
        ``t`` includes the current load: the step is timed again at most once in ``RENEW_AFTER``, beside the trainings
        and programs that run now.

        Args:
            spec: The network.
            recipe: Its training.
            config: The configured execution.
            image_size: Height and width in pixels.
            num_images: Training images.
            num_val: Validation images.
        """
        probe = self._probe(spec, image_size)
        question = self._question(probe, recipe, config)
        record = read_records(self.path).get(question.key)
        if record is None:
            return None
        batch = min(recipe.batch_size, num_images)
        relative_s = probe.relative_step_s(spec, image_size, batch)
        step_s = self._loaded_step_s(question, record) * max(relative_s, LEAST_STEP)
        return step_s * (math.ceil(num_images / batch) + EVALUATION * num_val / batch)

    def _loaded_step_s(self, question: Question, record: Record) -> float:
        """Return the seconds of the probe's step under the current load; those of the record if not measured."""
        if self.device.type != "cpu":
            return record.step_s  # a GPU is not timed beside trainings
        now_s = time.monotonic()
        measured_s, step_s = self._loaded.get(question.key, (-math.inf, record.step_s))
        if now_s - measured_s > RENEW_AFTER.total_seconds():
            with suppress(RuntimeError, MemoryError):  # no memory: the record's time
                step_s = max(record.step_s, self._step_s(question, question.answer(record)))
            self._loaded[question.key] = (now_s, step_s)
        return step_s

    def renew(self) -> None:
        """Measure all classes and products with default settings again, and replace the cache's records.

        Raises:
            OSError: The cache cannot be written to.
        """
        with locked(self.users_path):
            write_records(self.users_path, {})
        for probe in self._probes:
            question = self._question(probe, Recipe(), ExecutionConfig())
            if question.is_open:
                self._users(question.key, partial(self._fastest, question))
        for name in ("float32", "bfloat16"):
            self._users(f"matrix products; {name}", partial(self._product, name))

    # -- questions ---------------------------------------------------------------------------------------

    @property
    def _probes(self) -> tuple[Probe, ...]:
        return CUDA_PROBES if self.device.type == "cuda" else PROBES

    def _probe(self, spec: Spec, image_size: tuple[int, int]) -> Probe:
        macs = spec.counts(image_size).macs
        return next(probe for probe in self._probes if macs <= probe.most_macs)

    def _question(self, probe: Probe, recipe: Recipe, config: ExecutionConfig) -> Question:
        return ask(probe, recipe, config, self.device, self.memory_share)

    # -- measuring ---------------------------------------------------------------------------------------

    def _fastest(self, question: Question) -> Record:
        """Return the record of the fastest mode, found setting by setting."""
        least: dict[StepMode, float] = {}

        def once() -> tuple[StepMode, float]:
            of_round: dict[StepMode, float] = {}

            def time_of(mode: StepMode) -> float:
                if mode not in of_round:
                    of_round[mode] = self._step_s(question, mode)
                    least[mode] = min(of_round[mode], least.get(mode, of_round[mode]))
                return least[mode]

            mode = question.first
            for name, values in question.choices.items():
                for value in values[1:]:
                    other = replace(mode, **{name: value})
                    if time_of(other) < GAIN * time_of(mode):
                        mode = other
            return mode, of_round[mode]

        record, mode = in_rounds(once, question.name_of)
        return record.model_copy(
            update={
                "times_s": {question.name_of(tried): time_s for tried, time_s in least.items()},
                "choice": {name: getattr(mode, name) for name in question.choices},
            }
        )

    def _step_s(self, question: Question, mode: StepMode) -> float:
        return step_time(question.probe, replace(mode, compile=False, micro_batch=None), self.device)

    def _product(self, name: str) -> Record:
        return in_rounds(lambda: (name, product_s(self.device, bfloat16=name == "bfloat16")), str)[0]

    # -- records -----------------------------------------------------------------------------------------

    def _kept(self, key: str, measure: Callable[[], Record]) -> Record:
        if self.path == self.users_path:
            return self._users(key, measure)
        known = read_records(self.path)
        if key in known:
            return known[key]
        with locked(self.path):
            known = read_records(self.path)  # another process may have measured it meanwhile
            if key not in known:
                known[key] = self._users(key, measure)
                write_records(self.path, known)
        return known[key]

    def _users(self, key: str, measure: Callable[[], Record]) -> Record:
        """Return the cache's record, measured if missing or due. An unwritable cache is not an error."""
        with ExitStack() as held:
            known = read_records(self.users_path).get(key)
            if known is None or known.is_due():
                with suppress(OSError):
                    held.enter_context(locked(self.users_path))  # two at once would measure each other
            records = read_records(self.users_path)
            known = records.get(key)
            if known is not None and not known.is_due():
                return known
            if self._tell is not None:
                self._tell()
                self._tell = None
            records[key] = measure()
            self._checked_s[key] = time.monotonic()
            with suppress(OSError):
                write_records(self.users_path, records)
            return records[key]

    def _doubt(self, key: str, record: Record, ratio: float) -> str | None:
        """Note in the cache that a step takes ``ratio`` of the record's time."""
        with suppress(OSError), locked(self.users_path):
            records = read_records(self.users_path)
            if records.get(key) != record:
                return None  # measured again since, or doubted before
            records[key] = record.model_copy(update={"drift": ratio})
            write_records(self.users_path, records)
            doubt = records[key].doubts()[-1]
            return f"calibration of {key}: {doubt}; 'mgnas calibrate --renew' measures again"
        return None
