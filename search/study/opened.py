"""A study opened with its images: what results cannot load themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from results.export.sample import Sample
from results.open import Study
from results.open import open_study as open_without_images
from results.study import StudyReader
from search.study.finetune import finetune_trial
from space.core.errors import InvalidInputError
from space.firmware.quantise import calibration_rows
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data


def open_study(folder: str | Path) -> Study:
    """Open the study in a folder and return its state at this moment.

    Raises:
        InvalidInputError: The folder does not exist, holds no study, or the study is damaged.

    Example:
        >>> study = mgnas.open_study("runs/digits")
        >>> study.front()
        >>> study.export("best")
    """
    return with_images(open_without_images(folder))


def with_images(study: Study) -> Study:
    """Return the study, which now has its images: to compare exports with, and to fine-tune networks."""
    study.load_images = validation_sample
    study.finetuner = finetune_trial
    return study


def validation_sample(study: StudyReader, most: int, image_size: tuple[int, int] | None = None) -> Sample:
    """Return at most ``most`` validation images of a study, evenly spread, and training images for calibration.

    Args:
        study: The study.
        most: The largest number of validation images.
        image_size: Height and width in pixels of the images of a training; None for those of the study.

    Raises:
        InvalidInputError: The images are missing, unreadable, or others than those of the study.
    """
    config = DataConfig.model_validate(study.header.config.get("data", {}))
    data = load_search_data(config)
    if study.header.data.get("fingerprint") != data.fingerprint():
        raise InvalidInputError(f"{config.source} holds other images than those of the study")
    if image_size not in (None, data.image_size):
        data = load_search_data(config.model_copy(update={"image_size": image_size}))
    rows = np.linspace(0, len(data.val) - 1, min(most, len(data.val))).astype(np.int64)
    return Sample(
        data.val.images[rows],
        data.val.labels[rows],
        f"validation images of {data.name}",
        calibration=data.train.images[calibration_rows(len(data.train))],
    )
