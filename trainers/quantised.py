"""The accuracy of a trained network as int8 code, on the validation split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from space.core.errors import InvalidInputError
from space.firmware.programs import program_of
from space.firmware.quantise import LOGIT_SCALE, IntegerNetwork, calibration_rows, quantise
from space.modules.integers import IntegerModule
from space.networks.spec import Spec
from trainers.data.device_data import DeviceData
from trainers.health import TrainingFailedError
from trainers.reports import Scores


def quantised(spec: Spec, weights: Mapping[str, NDArray[np.float32]], data: DeviceData) -> IntegerNetwork:
    """Return a trained network in integers, with scales from training images.

    Args:
        spec: The network.
        weights: Its state dict.
        data: The images.

    Raises:
        TrainingFailedError: The network has no int8 code.
        InvalidInputError: An image file cannot be read.
    """
    train = data.search_data.train
    images = train.images[calibration_rows(len(train))]
    try:
        program = program_of(spec, data.search_data.image_size)
        return quantise(program, weights, images, tuple(data.mean.tolist()), tuple(data.std.tolist()))
    except InvalidInputError as error:
        raise TrainingFailedError(f"the trained network has no int8 accuracy: {error}") from None


def evaluate_int8(network: IntegerNetwork, data: DeviceData) -> Scores:
    """Return the scores of a quantised network on the validation split.

    Args:
        network: The quantised network.
        data: The images on their device.
    """
    module = IntegerModule(network, data.device)
    images = data.val_images(module.batch_size)
    logits = np.concatenate([module.logits(part).cpu().numpy() for part in images])
    return scores_of(logits / LOGIT_SCALE, data.search_data.val.labels, data.search_data.num_classes)


def scores_of(logits: NDArray[np.float64], labels: NDArray[np.int64], num_classes: int) -> Scores:
    """Return the scores of logits N K. Of equal logits the first counts, as in the C code."""
    places = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    loss = np.log(np.exp(shifted).sum(axis=1)) - shifted[places, labels]
    num_right = np.bincount(labels[logits.argmax(axis=1) == labels], minlength=num_classes)
    num_images = np.bincount(labels, minlength=num_classes)
    return Scores(float(loss.mean()), tuple(num_right.tolist()), tuple(num_images.tolist()))
