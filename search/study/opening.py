"""The opening lines of a search: budget, images, classes, image size, space and device."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from search.study.components import rungs_of
from search.study.config import StudyConfig
from search.study.devices import device_lines
from search.study.plan_config import PlanConfig
from space.core.errors import shown
from space.core.text import plural, short_count
from space.decision_tree import IMAGE_SIZE
from space.search_space import SearchSpace
from space.targets.text import limits_text
from trainers.data.splits import SearchData

MOST_CLASSES = 10
"""Maximum number of classes with individual image counts; larger data sets show the range of counts."""
MOST_LISTED = 5
"""Maximum number of listed networks and of listed seeds of a plan."""
EXACT_UP_TO = 1_000_000
"""Maximum size of a space that is shown exactly; larger sizes are rounded down, the largest to 10^k."""


def opening_lines(
    config: StudyConfig, folder: Path, data: SearchData, space: SearchSpace, device: str
) -> list[str]:
    """Return the facts of a search that are shown before its first result.

    Args:
        config: The configuration of the study.
        folder: The study's folder.
        data: The images.
        space: The search space.
        device: The devices and workers, as text.

    Returns:
        Six lines: budget, images, classes, image size, space or plan, device; one more for a
        target, and one for each device of the user.
    """
    return [
        f"study {folder}: {_budget_text(config)} on {config.data.source}",
        _images_text(data),
        _classes_text(data),
        _size_text(config, data),
        *_target_lines(config),
        _space_text(space) if config.plan is None else _plan_text(config.plan),
        f"device: {device}",
        *device_lines(config.search.devices),
    ]


def _budget_text(config: StudyConfig) -> str:
    search = config.search
    parts = [plural(search.trials, "trial" if config.plan is None else "training")]
    if search.hours is not None:
        parts.append(f"{search.hours:g} hours")
    if search.epochs is not None:
        parts.append(plural(search.epochs, "epoch"))
    if search.patience is not None:
        parts.append(f"{plural(search.patience, 'trial')} without growth of the front")
    first, *others = parts
    within = f" at most, within {' and '.join(others)}," if others else ""
    rungs = rungs_of(config)
    pauses = f", compared after {', '.join(map(str, rungs[:-1]))}" if len(rungs) > 1 else ""
    return f"{first}{within} of {plural(config.train.epochs, 'epoch')} each{pauses}"


def _images_text(data: SearchData) -> str:
    found = len(data.train) + len(data.val) + data.num_held_out
    held_out = f", {data.num_held_out:,} held out for the test" if data.num_held_out else ""
    return f"images: {found:,}: {len(data.train):,} to train on, {len(data.val):,} to validate on{held_out}"


def _classes_text(data: SearchData) -> str:
    """Return the image counts of the classes; training and validation images count together."""
    labels = np.concatenate([data.train.labels, data.val.labels])
    counts = np.bincount(labels, minlength=data.num_classes).tolist()
    if data.num_classes <= MOST_CLASSES:
        listed = ", ".join(f"{shown(name)} {n:,}" for name, n in zip(data.classes, counts, strict=True))
        return f"classes: {data.num_classes} (images to train and validate on: {listed})"
    least, most = int(np.argmin(counts)), int(np.argmax(counts))
    return (
        f"classes: {data.num_classes:,} (images to train and validate on: from {counts[least]:,} of "
        f"{shown(data.classes[least])} to {counts[most]:,} of {shown(data.classes[most])})"
    )


def _size_text(config: StudyConfig, data: SearchData) -> str:
    height, width = data.image_size
    kinds = {1: "grey", 3: "RGB"}
    sizes = config.space.train.get(IMAGE_SIZE)
    searched = "" if sizes is None else " or ".join(f"{side} x {side}" for side in sizes.values())
    text = f"size: {searched or f'{height} x {width}'}, {kinds.get(data.in_channels, f'{data.in_channels} channels')}"
    if config.data.source.partition(":")[0] != "imagefolder":
        return f"{text}, as stored"
    text += "; files of another size are scaled to cover it and cropped at the centre"
    if config.data.image_size is None and not searched:
        text += "; --set data.image_size=PIXELS chooses another"
    return f"{text}; images are read during training" if data.is_stored else text


def _target_lines(config: StudyConfig) -> list[str]:
    target = config.target
    if target is None:
        return []
    return [
        f"target: {target.name}: at most {limits_text(target)}; exports: {', '.join(target.export_formats)}"
    ]


def _space_text(space: SearchSpace) -> str:
    low, high = space.params_range()
    return f"space: {_networks_text(space.size())}, {low:,} to {high:,} parameters"


def _plan_text(plan: PlanConfig) -> str:
    seeds = ", ".join(map(str, plan.seeds[:MOST_LISTED])) + ", ..." * (len(plan.seeds) > MOST_LISTED)
    names = ", ".join(plan.networks[:MOST_LISTED]) + ", ..." * (len(plan.networks) > MOST_LISTED)
    return f"{plural(len(plan.networks), 'network')}: {names}; {plural(len(plan.seeds), 'seed')}: {seeds}"


def _networks_text(size: int | float) -> str:
    if math.isinf(size):
        return "infinitely many networks (a hyperparameter is continuous)"
    if size <= EXACT_UP_TO:
        return plural(int(size), "network")
    if size < 1e12:
        return f"over {short_count(math.floor(size / 1e6) * 1e6)} networks"
    return f"over 10^{len(str(int(size))) - 1} networks"
