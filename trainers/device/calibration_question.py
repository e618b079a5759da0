"""The question that a calibration answers: which allowed mode is fastest for a class of networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from trainers.device.calibration_probes import Probe
from trainers.device.calibration_records import Record
from trainers.device.execution import ExecutionConfig, StepMode
from trainers.recipe import Recipe


@dataclass(frozen=True)
class Question:
    """Which of ``choices`` is fastest for a class of networks; all other settings are ``fixed``."""

    probe: Probe
    fixed: StepMode
    choices: dict[str, Sequence[Any]]

    @property
    def is_open(self) -> bool:
        """Whether any setting has more than one choice."""
        return any(len(values) > 1 for values in self.choices.values())

    @property
    def first(self) -> StepMode:
        """The plain mode: the first choice of each setting."""
        return replace(self.fixed, **{name: values[0] for name, values in self.choices.items()})

    @property
    def key(self) -> str:
        """The key of the record in its file."""
        parts = [f"{name} {' or '.join(map(str, values))}" for name, values in self.choices.items()]
        return "; ".join([f"{self.probe.name} networks", *parts, *["graph"] * self.fixed.cuda_graph])

    def answer(self, record: Record) -> StepMode:
        """Return the mode that the record chose; a choice that is no longer allowed is ignored."""
        valid: dict[str, Any] = {
            name: record.choice[name]
            for name, values in self.choices.items()
            if record.choice.get(name) in values
        }
        return replace(self.first, **valid)

    def name_of(self, mode: StepMode) -> str:
        """Return the compared settings of a mode as short text."""
        return ", ".join(
            f"{name} {getattr(mode, name)}" for name, all_ in self.choices.items() if len(all_) > 1
        )


def ask(
    probe: Probe, recipe: Recipe, config: ExecutionConfig, device: torch.device, memory_share: float
) -> Question:
    """Return the question: configured settings are fixed, those that are auto have choices.

    Args:
        probe: The network that stands for the class.
        recipe: The training; its precision may be auto.
        config: The configured execution.
        device: The device of the training.
        memory_share: Fraction of the device's memory that belongs to this process.
    """
    is_cuda = device.type == "cuda"
    fixed = StepMode(
        bfloat16=recipe.precision == "bfloat16",
        channels_last=config.channels_last is not False,
        cuda_graph=config.cuda_graph is not False and is_cuda,
        compile=config.compile,
        cudnn_benchmark=config.cudnn_benchmark is True,
        micro_batch=None if config.micro_batch == "auto" else config.micro_batch,
        memory_share=memory_share,
    )
    has_kernels = is_cuda and config.cudnn_benchmark == "auto"
    choices: dict[str, Sequence[Any]] = {
        "threads": _threads(config, is_cuda=is_cuda),
        "bfloat16": [False, True] if recipe.precision == "auto" else [fixed.bfloat16],
        "channels_last": [True, False] if config.channels_last == "auto" else [fixed.channels_last],
        "cudnn_benchmark": [False, True] if has_kernels else [fixed.cudnn_benchmark],
    }
    return Question(probe, fixed, choices)


def _threads(config: ExecutionConfig, *, is_cuda: bool) -> Sequence[int | None]:
    if is_cuda:
        return [None]
    if config.threads != "auto":
        return [config.threads]
    return sorted({1, torch.get_num_threads()}, reverse=True)
