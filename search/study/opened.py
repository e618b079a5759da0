"""A study opened with its images: what results cannot load themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from results.export.sample import NUM_CALIBRATION, Sample
from results.open import Study
from results.open import open_study as open_without_images
from results.study import StudyReader
from space.core.errors import InvalidInputError
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
    """Return the study, which now compares its exports with the trained network on validation images."""
    study.load_images = validation_sample
    return study


def validation_sample(study: StudyReader, most: int) -> Sample:
    """Return at most ``most`` validation images of a study, evenly spread, and training images for calibration.

    Raises:
        InvalidInputError: The images are missing, unreadable, or others than those of the study.
    """
    config = DataConfig.model_validate(study.header.config.get("data", {}))
    data = load_search_data(config)
    if study.header.data.get("fingerprint") != data.fingerprint():
        raise InvalidInputError(f"{config.source} holds other images than those of the study")
    rows, training = _spread(len(data.val), most), _spread(len(data.train), NUM_CALIBRATION)
    return Sample(
        data.val.images[rows],
        data.val.labels[rows],
        f"validation images of {data.name}",
        calibration=data.train.images[training],
    )


def _spread(number: int, most: int) -> NDArray[np.int64]:
    """Return at most ``most`` of the first ``number`` whole numbers, evenly spread."""
    return np.linspace(0, number - 1, min(most, number)).astype(np.int64)
