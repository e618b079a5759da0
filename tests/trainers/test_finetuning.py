"""Quantisation-aware fine-tuning: it is repeatable, and its weights are those of the best epoch on validation."""

from __future__ import annotations

import numpy as np
import pytest

from space.core.errors import MgnasError
from tests.support.stripes import RECIPE, SPEC
from trainers.data.device_data import DeviceData
from trainers.finetuning import Finetuned, FinetuningRecipe, Weights, finetune
from trainers.health import TrainingFailedError
from trainers.quantised import evaluate_int8, quantised, scores_of
from trainers.training import Training

CONSTANTS = FinetuningRecipe(epochs=2)


@pytest.fixture(scope="module")
def weights(data: DeviceData) -> Weights:
    """The weights after one epoch: the network can still learn."""
    training = Training(SPEC, data, RECIPE.replaced({"epochs": 1}), seed=1)
    list(training.epochs())
    return training.weights()


def tuned(data: DeviceData, weights: Weights, seed: int = 1) -> Finetuned:
    return finetune(SPEC, weights, data, RECIPE, seed, CONSTANTS)


def test_weights_have_the_int8_accuracy_that_is_told(data: DeviceData, weights: Weights) -> None:
    found = tuned(data, weights)
    assert evaluate_int8(quantised(SPEC, weights, data), data).accuracy == found.int8_before
    assert evaluate_int8(quantised(SPEC, found.weights, data), data).accuracy == found.int8_accuracy
    assert found.int8_accuracy > found.int8_before
    assert 1 <= found.epoch <= found.epochs == 2


def test_equal_seeds_give_equal_weights(data: DeviceData, weights: Weights) -> None:
    first, second, other = tuned(data, weights), tuned(data, weights), tuned(data, weights, seed=2)
    assert all(np.array_equal(first.weights[name], second.weights[name]) for name in weights)
    assert not all(np.array_equal(first.weights[name], other.weights[name]) for name in weights)


def test_batch_norms_keep_their_statistics(data: DeviceData, weights: Weights) -> None:
    found = tuned(data, weights).weights
    assert all(np.array_equal(found[name], weights[name]) for name in weights if "running" in name)
    assert not np.array_equal(found["stem.weight"], weights["stem.weight"])


def test_the_trained_weights_stay_if_no_epoch_is_better(data: DeviceData, weights: Weights) -> None:
    found = finetune(SPEC, weights, data, RECIPE, 1, FinetuningRecipe(epochs=1, rate=1e-9))
    assert found.epoch == 0
    assert found.int8_accuracy == found.int8_before
    assert all(np.array_equal(found.weights[name], weights[name]) for name in weights)


def test_weights_that_are_not_finite_are_refused(data: DeviceData, weights: Weights) -> None:
    broken = {**weights, "head.bias": np.full_like(weights["head.bias"], np.nan)}
    with pytest.raises(TrainingFailedError, match=r"no int8 accuracy: .* is not finite") as caught:
        tuned(data, broken)
    assert isinstance(caught.value, MgnasError)


def test_of_equal_logits_the_first_class_counts() -> None:
    logits = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 2.0], [0.0, 0.0, 0.0]])
    scores = scores_of(logits, np.array([0, 2, 1]), 3)
    assert scores.num_right == (1, 0, 0)
    assert scores.num_images == (1, 1, 1)
    expected = [np.log(np.exp(row).sum()) - row[label] for row, label in zip(logits, (0, 2, 1), strict=True)]
    assert scores.loss == pytest.approx(np.mean(expected))
