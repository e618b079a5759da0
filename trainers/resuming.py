"""Resuming a training from its checkpoint: the state and the mode of the steps."""

from __future__ import annotations

from dataclasses import replace

from space.core.reports import EpochReport
from space.networks.spec import Spec
from trainers.checkpoint import TrainingState
from trainers.data.device_data import DeviceData
from trainers.device.execution import StepMode
from trainers.device.memory import fitting_micro_batch, no_room


def usable_state(state: TrainingState | None) -> TrainingState | None:
    """Return the state of a checkpoint; None if another version of mgnas wrote it."""
    if state is None:
        return None
    try:
        StepMode(**state.facts["mode"])
        for report in state.facts["reports"]:
            EpochReport(**report)
        return state if "device" in state.facts else None
    except (KeyError, TypeError):
        return None


def choose_mode(
    asked: StepMode, state: TrainingState | None, spec: Spec, data: DeviceData, batch_size: int
) -> StepMode:
    """Return the mode of a training's steps.

    A resumed training keeps the mode of its checkpoint, for identical results. On another type of device, it
    keeps only the micro-batch. A new training on a CPU gets a micro-batch that fits in memory. Halvings that
    the checkpoint lacks are applied last.

    Args:
        asked: The configured mode.
        state: The state of the checkpoint; None for a new training.
        spec: The network.
        data: The images, on their device.
        batch_size: The images of one optimiser step.

    Raises:
        TrainingFailedError: The halvings reduce the micro-batch to less than one image.
    """
    mode, num_applied = asked, 0
    if state is not None:
        began_with = StepMode(**state.facts["mode"])
        is_same_device = state.facts["device"] == data.device.type
        mode = began_with if is_same_device else replace(asked, micro_batch=began_with.micro_batch)
        num_applied = began_with.micro_batch_halvings if is_same_device else 0
    elif asked.micro_batch is None:
        size = data.search_data.image_size
        fitting = fitting_micro_batch(spec, size, batch_size, data.device, asked.memory_share)
        mode = replace(asked, micro_batch=fitting)
    num_missing = asked.micro_batch_halvings - num_applied
    if num_missing <= 0:
        return mode
    images_at_once = mode.images_at_once(batch_size)
    if 2 ** (num_missing - 1) >= images_at_once:
        raise no_room("a single image", "")
    part = -(-images_at_once // 2**num_missing)
    return replace(mode, micro_batch=part, micro_batch_halvings=asked.micro_batch_halvings)
