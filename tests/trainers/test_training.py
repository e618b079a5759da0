"""Training: it learns, it is reproducible to the bit, and errors have names."""

from __future__ import annotations

import gc
import math
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn import functional as F

from space.modules import Classifier
from space.modules.blocks import GridNet
from space.notation.parse import parse_notation
from tests.support.stripes import RECIPE, SPEC, resident, striped_data, stripes
from trainers.data.device_data import ResidentData
from trainers.data.splits import SearchData, Split
from trainers.device.execution import StepMode
from trainers.health import TrainingFailedError, ignorant_loss
from trainers.recipe import Recipe
from trainers.training import Training


@pytest.mark.parametrize("test_flip", [False, True])
@pytest.mark.parametrize("average", [0.0, 0.1])
def test_it_learns_and_its_weights_hold_what_was_measured(
    data: ResidentData, tmp_path: Path, average: float, test_flip: bool
) -> None:
    recipe = RECIPE.replaced({"average": average, "test_flip": test_flip, "epochs": 6})
    training = Training(SPEC, data, recipe, seed=1)
    reports = list(training.epochs())
    assert [report.epoch for report in reports] == [1, 2, 3, 4, 5, 6]
    assert reports[-1].val_accuracy > 0.9
    classifier = Classifier.load(training.save(tmp_path / "w.safetensors"))
    images = torch.from_numpy(data.search_data.val.images).permute(0, 3, 1, 2)
    truth = [("rows", "columns")[label] for label in data.val_labels.tolist()]
    right = [a == b for a, b in zip(classifier.predict(images), truth, strict=True)]
    assert sum(right) / len(truth) == reports[-1].val_accuracy == classifier.trained.val_accuracy


def test_same_seed_same_curve_to_the_bit(data: ResidentData) -> None:
    def curve(seed: int) -> list[tuple[float, float]]:
        return [(r.train_loss, r.val_loss) for r in Training(SPEC, data, RECIPE, seed).epochs()]

    torch.manual_seed(5)  # the global generator has no part in it
    first = curve(1)
    torch.manual_seed(6)
    assert curve(1) == first
    assert curve(2) != first


def test_what_is_let_go_of_leaves_at_once(data: ResidentData) -> None:
    gc.collect()
    gc.disable()
    try:
        training = Training(SPEC, data, RECIPE, seed=1)
        next(training.epochs())
        network = weakref.ref(training.network)
        del training
        assert network() is None
    finally:
        gc.enable()


def test_measuring_latency_first_changes_nothing(data: ResidentData) -> None:
    spec = parse_notation("MgNet[1]-4-B^l-dropout=0.5", in_channels=1, num_classes=2)
    plain, measured = (Training(spec, data, RECIPE, seed=1) for _ in range(2))
    assert 0.0 < measured.latency_ms() < 1_000.0
    assert [r.val_loss for r in measured.epochs()] == [r.val_loss for r in plain.epochs()]


def test_latency_is_that_of_the_network_as_it_is_loaded(
    data: ResidentData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which computes all its products, and of no more images at once than were trained on."""
    seen: list[tuple[bool, int]] = []

    def forward(network: GridNet, images: Tensor) -> Tensor:
        seen.append((network.is_reduced, len(images)))
        return images

    training = Training(SPEC, data, RECIPE, seed=1, mode=StepMode(micro_batch=3))
    with monkeypatch.context() as patch:
        patch.setattr(GridNet, "forward", forward)
        training.latency_ms()
        assert [latency.batch_size for latency in training.latencies()] == [1, 3]
    assert set(seen) == {(False, 1), (False, 3)}
    assert training.network.is_reduced


def test_a_training_leaves_the_global_generator_alone(data: ResidentData) -> None:
    spec = parse_notation("MgNet[1]-4-B^l-dropout=0.5", in_channels=1, num_classes=2)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    next(Training(spec, data, RECIPE, seed=1).epochs())
    assert torch.rand(1) == expected


def test_it_stops_at_the_epoch_asked_for_and_goes_on(data: ResidentData) -> None:
    whole = [report.val_loss for report in Training(SPEC, data, RECIPE, seed=1).epochs()]
    training = Training(SPEC, data, RECIPE, seed=1)
    first = [report.val_loss for report in training.epochs(until=1)]
    assert len(first) == 1
    assert first + [report.val_loss for report in training.epochs(until=99)] == whole


def test_until_the_rate_falls_the_length_of_a_training_does_not_matter(data: ResidentData) -> None:
    """Averages reach back over a share of the whole length, so they are left out here."""
    constant = RECIPE.replaced({"warmup": 0.0, "decay": 0.5, "average": 0.0})
    short = Training(SPEC, data, constant, seed=1)
    long = Training(SPEC, data, constant.replaced({"epochs": 40}), seed=1)
    losses = [[r.train_loss for r in training.epochs(until=2)] for training in (short, long)]
    assert losses[0] == losses[1]


def test_divergence_has_a_name(data: ResidentData) -> None:
    wild = RECIPE.replaced({"lr": 1e30})
    with pytest.raises(TrainingFailedError, match=r"diverged: the training loss is \w+ in epoch"):
        list(Training(SPEC, data, wild, seed=1).epochs())


@pytest.mark.parametrize("seed", range(3))
def test_divergence_after_the_last_batch_has_a_name(data: ResidentData, seed: int) -> None:
    """The only batch of an epoch has its loss before the step that breaks the network."""
    wild = Recipe(epochs=2, batch_size=1000, lr=1e6, warmup=0.0, decay=0.0)
    with pytest.raises(TrainingFailedError, match=r"diverged: the validation loss is \w+ in epoch \d"):
        list(Training(SPEC, data, wild, seed).epochs())


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_a_training_that_learns_nothing_is_ended_with_a_reason(metric: str) -> None:
    same = [Split(np.full((n, 4, 4, 1), 7, np.uint8), np.arange(n) % 2) for n in (400, 200)]
    training = Training(SPEC, resident(*same), Recipe(epochs=15, metric=metric), seed=0)
    with pytest.raises(TrainingFailedError, match="stuck: after 5 epochs the training loss is"):
        list(training.epochs())
    assert len(training.reports) == 5


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_who_knows_nothing_has_the_loss_of_the_best_odds(balance: bool, smoothing: float) -> None:
    """Rare classes and smoothed labels: else who still learns would be taken for stuck."""
    labels = np.array([0] * 95 + [1] * 4 + [3])
    images = Split(np.zeros((100, 4, 4, 1), np.uint8), labels)
    data = SearchData("rare", ("a", "b", "c", "d"), images, images)
    recipe = Recipe(label_smoothing=smoothing, balance=balance)
    weights = resident(images, images, data.classes).class_weights() if balance else None
    odds = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.LBFGS([odds], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        found = F.cross_entropy(
            odds.expand(100, 4),
            torch.from_numpy(labels),
            weight=weights,
            label_smoothing=smoothing,
            reduction="sum",
        )
        (found / 100).backward()  # type: ignore[no-untyped-call]
        return found / 100

    optimizer.step(loss)
    assert loss().item() == pytest.approx(ignorant_loss(recipe, data), rel=1e-4)


def test_labels_without_any_sense_are_no_reason_to_stop() -> None:
    rng = np.random.default_rng(0)
    noise = [
        Split(rng.integers(0, 255, (n, 4, 4, 1)).astype(np.uint8), rng.integers(0, 2, n)) for n in (400, 200)
    ]
    assert len(list(Training(SPEC, resident(*noise), Recipe(epochs=15, lr=1e-6), seed=0).epochs())) == 15


def test_wrong_labels_for_a_third_of_the_images_are_learnt_around() -> None:
    train, rng = stripes(600, 0), np.random.default_rng(0)
    wrong = rng.random(600) < 0.3
    noisy = Split(train.images, np.where(wrong, 1 - train.labels, train.labels))
    training = Training(SPEC, resident(noisy, stripes(100, 1)), Recipe(epochs=8, label_smoothing=0.1), seed=0)
    assert list(training.epochs())[-1].val_accuracy > 0.9


def test_classes_can_count_the_same_however_rare() -> None:
    """Of 20 to 1 the rare class has its own accuracy, and the mean over both can be what is reported."""
    train, val = stripes(400, 0), stripes(200, 1)
    rows = np.flatnonzero((train.labels == 0) | (np.arange(400) % 20 == 1))
    data = resident(Split(train.images[rows], train.labels[rows]), val)
    assert data.class_weights().mul(torch.bincount(data.train_labels)).tolist() == pytest.approx(
        [110.0, 110.0]
    )
    training = Training(SPEC, data, Recipe(epochs=8, balance=True, metric="balanced_accuracy"), seed=0)
    report = list(training.epochs())[-1]
    assert training.scores is not None
    per_class = training.scores.class_accuracies
    assert report.val_accuracy == pytest.approx(sum(a or 0.0 for a in per_class) / 2)
    assert min(a or 0.0 for a in per_class) > 0.8


@pytest.mark.parametrize(
    "changes",
    [
        {"cutout": 3},
        {"trivial_augment": 1.0},
        {"random_erasing": 0.5},
        {"mixup": 0.3},
        {"schedule": "one_cycle"},
        {"decay_norms": True},
    ],
)
def test_every_part_of_the_recipe_changes_the_training(
    data: ResidentData, changes: dict[str, object]
) -> None:
    plain = next(Training(SPEC, data, RECIPE, seed=1).epochs())
    changed = next(Training(SPEC, data, RECIPE.replaced(changes), seed=1).epochs())
    assert math.isfinite(changed.train_loss)
    assert changed.train_loss != plain.train_loss


@pytest.mark.parametrize("key", ["lr", "momentum", "weight_decay", "warmup", "label_smoothing", "mixup"])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_recipes_are_finite(key: str, value: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Recipe.model_validate({key: value})


def test_a_set_of_two_images_is_trained_on() -> None:
    data = striped_data(num_train=2, num_val=1)
    assert len(list(Training(SPEC, data, Recipe(epochs=2), seed=0).epochs())) == 2
