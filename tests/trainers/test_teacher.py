"""Distillation: the loss, what the teacher sees, and which teachers are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from space.core.errors import InvalidInputError
from space.modules import Classifier
from space.notation.parse import parse_notation
from tests.support.stripes import RECIPE, SPEC, resident, striped_data, stripes
from trainers.checkpoint import CheckpointFile
from trainers.data.device_data import ResidentData
from trainers.data.splits import Split
from trainers.recipe import Recipe
from trainers.teacher import Teacher, distillation_loss, load_teacher
from trainers.teacher_checks import weights_digest
from trainers.training import Training, training_identity

DIGEST = "0123456789abcdef"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a network that tells the stripes apart."""
    spec = parse_notation("MgNet[1,1]-6-B^l", in_channels=1, num_classes=2)
    training = Training(spec, striped_data(400), RECIPE.replaced({"epochs": 6}), seed=0)
    assert list(training.epochs())[-1].val_accuracy > 0.9
    return training.save(tmp_path_factory.mktemp("teacher") / "teacher.safetensors")


def taught(weights: Path, **changes: object) -> Recipe:
    return RECIPE.replaced({"teacher": weights_digest(weights.read_bytes()), **changes})


def teacher_of(weights: Path, data: ResidentData) -> Teacher:
    return load_teacher(weights, weights_digest(weights.read_bytes()), data)


def test_loss_is_the_kullback_leibler_divergence_times_the_squared_temperature() -> None:
    student, teacher = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    p, q = (teacher / 4).softmax(1), (student / 4).softmax(1)
    expected = 16 * (p * (p / q).log()).sum()
    assert distillation_loss(student, teacher, 4.0).item() == pytest.approx(expected.item())
    assert distillation_loss(teacher, teacher, 2.0).item() == pytest.approx(0.0, abs=1e-12)


def test_teacher_sees_the_images_in_its_own_normalisation(weights: Path) -> None:
    brighter = stripes(50, 3)
    data = resident(Split((brighter.images[:] // 2 + 90).astype(np.uint8), brighter.labels), brighter)
    pixels = torch.from_numpy(data.search_data.val.images[:])
    expected = Classifier.load(weights)(pixels.permute(0, 3, 1, 2) / 255)
    found = teacher_of(weights, data).logits(data.normalise(pixels))
    assert torch.allclose(found, expected, atol=1e-4)


def test_student_of_wrong_labels_learns_the_classes_of_its_teacher(weights: Path) -> None:
    train = stripes(200, 0)
    noise = np.random.default_rng(0).integers(0, 2, 200)
    data = resident(Split(train.images, noise), stripes(60, 1))
    recipe = taught(weights, epochs=6, distill_weight=1.0)
    training = Training(SPEC, data, recipe, seed=0, teacher=teacher_of(weights, data))
    assert list(training.epochs())[-1].val_accuracy > 0.9


def test_weight_zero_trains_as_without_a_teacher(data: ResidentData, weights: Path) -> None:
    plain = list(Training(SPEC, data, RECIPE, seed=1).epochs(until=2))
    recipe = taught(weights, distill_weight=0.0)
    same = list(Training(SPEC, data, recipe, seed=1, teacher=teacher_of(weights, data)).epochs(until=2))
    assert [one.train_loss for one in same] == [one.train_loss for one in plain]


def test_teacher_does_not_change_in_a_training(data: ResidentData, weights: Path) -> None:
    teacher = teacher_of(weights, data)
    before = {name: tensor.clone() for name, tensor in teacher.network.state_dict().items()}
    list(Training(SPEC, data, taught(weights), seed=1, teacher=teacher).epochs(until=1))
    assert not teacher.network.training
    for name, tensor in teacher.network.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("stop", [1, 3])
def test_resumed_training_with_teacher_has_the_same_bits(
    data: ResidentData, weights: Path, tmp_path: Path, stop: int
) -> None:
    recipe = taught(weights, mixup=0.2, trivial_augment=1.0)
    whole = Training(SPEC, data, recipe, seed=5, teacher=teacher_of(weights, data))
    list(whole.epochs())
    file = CheckpointFile(tmp_path / "c", "id")
    first = Training(SPEC, data, recipe, 5, checkpoint=file, teacher=teacher_of(weights, data))
    list(first.epochs(until=stop))
    resumed = Training(SPEC, data, recipe, 5, checkpoint=file, teacher=teacher_of(weights, data))
    list(resumed.epochs())
    assert resumed.reports[-1].train_loss == whole.reports[-1].train_loss
    assert resumed.save(tmp_path / "a").read_bytes() == whole.save(tmp_path / "b").read_bytes()


def test_identity_of_a_training_includes_the_teacher(data: ResidentData) -> None:
    identities = {
        training_identity(SPEC, data, RECIPE.replaced({"teacher": digest}), 0)
        for digest in (None, DIGEST, DIGEST[::-1])
    }
    assert len(identities) == 3


def test_training_refuses_a_recipe_without_its_teacher(data: ResidentData) -> None:
    with pytest.raises(InvalidInputError, match=r"train\.teacher needs its teacher"):
        Training(SPEC, data, RECIPE.replaced({"teacher": DIGEST}), 0)


def test_teacher_of_other_images_is_refused(weights: Path) -> None:
    split = stripes(20, 0)
    larger = Split(split.images[:].repeat(2, axis=1), split.labels)
    colours = Split(split.images[:].repeat(3, axis=3), split.labels)
    for data, message in (
        (resident(larger, larger), r"images of 6 x 7 pixels, but the training has 12 x 7"),
        (resident(colours, colours), "is for 1 channels, but stripes has 3"),
        (resident(split, split, ("columns", "rows")), "other classes .'rows' instead of 'columns'"),
        (resident(split, split, ("rows", "columns", "dots")), "other classes .2 instead of 3"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            teacher_of(weights, data)


def test_missing_or_exchanged_weights_are_refused(data: ResidentData, weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no file of the teacher's weights"):
        load_teacher(tmp_path / "none", DIGEST, data)
    with pytest.raises(InvalidInputError, match="is not the teacher 0123"):
        load_teacher(weights, DIGEST, data)
