"""Checkpoints: resuming gives the same bits, and damaged ones are refused."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from space.notation.parse import parse_notation
from tests.support.profiles import examples
from tests.support.stripes import RECIPE, SPEC
from trainers.checkpoint import CheckpointFile, TrainingState
from trainers.data.device_data import ResidentData
from trainers.device.execution import StepMode
from trainers.recipe import Recipe
from trainers.training import Training

DROPOUT = parse_notation("MgNet[1,2]-4-B^l-dropout=0.3", in_channels=1, num_classes=2)
RECIPES = {
    "defaults": RECIPE,
    "everything": RECIPE.replaced({"cutout": 2, "mixup": 0.2, "balance": True, "decay_norms": True}),
    "strong augmentation": RECIPE.replaced({"trivial_augment": 1.0, "random_erasing": 0.5}),
    "papers": RECIPE.replaced({"schedule": "step", "average": 0.0, "warmup": 0.0}),
    "muon": RECIPE.replaced({"optimizer": "muon"}),
    "no momentum": RECIPE.replaced({"momentum": 0.0}),
}


def bits(training: Training) -> list[bytes]:
    return [t.numpy().tobytes() for _, t in sorted(training.state().tensors.items())]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("stop", [1, 2, 3])
def test_going_on_is_the_same_to_the_bit(
    data: ResidentData, tmp_path: Path, recipe: Recipe, stop: int
) -> None:
    whole = Training(DROPOUT, data, recipe, seed=5)
    reports = list(whole.epochs())
    file = CheckpointFile(tmp_path / "c", "id")
    list(Training(DROPOUT, data, recipe, seed=5, checkpoint=file).epochs(until=stop))
    resumed = Training(DROPOUT, data, recipe, seed=5, checkpoint=file)
    assert [r.epoch for r in resumed.epochs()] == list(range(stop + 1, 5))
    assert [(r.train_loss, r.val_loss) for r in resumed.reports] == [
        (r.train_loss, r.val_loss) for r in reports
    ]
    assert bits(resumed) == bits(whole)
    assert resumed.save(tmp_path / "a").read_bytes() == whole.save(tmp_path / "b").read_bytes()


def test_stopping_after_every_epoch_is_the_same_as_not_stopping(data: ResidentData, tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "c", "id")
    for _ in range(RECIPE.epochs):
        next(Training(SPEC, data, RECIPE, seed=2, checkpoint=file).epochs())
    whole = Training(SPEC, data, RECIPE, seed=2)
    list(whole.epochs())
    assert bits(Training(SPEC, data, RECIPE, seed=2, checkpoint=file)) == bits(whole)


@pytest.fixture
def two(data: ResidentData, tmp_path: Path) -> CheckpointFile:
    """The checkpoints of epochs 1 and 2."""
    file = CheckpointFile(tmp_path / "c", "id")
    list(Training(SPEC, data, RECIPE, seed=2, checkpoint=file).epochs(until=2))
    return file


def num_epochs(state: TrainingState | None) -> int:
    return 0 if state is None else len(state.facts["reports"])


def test_the_one_before_is_kept(two: CheckpointFile) -> None:
    assert num_epochs(two.read()) == 2
    two.path.unlink()
    assert num_epochs(two.read()) == 1
    two.previous.unlink()
    assert two.read() is None


@given(data_=st.data())
@examples(200)
def test_any_damage_is_found(tmp_path_factory: pytest.TempPathFactory, data_: st.DataObject) -> None:
    file = CheckpointFile(tmp_path_factory.getbasetemp() / "damaged", "id")
    file.remove()
    file.write(TrainingState({"x": torch.arange(4.0)}, {"reports": [1]}))
    file.write(TrainingState({"x": torch.arange(5.0)}, {"reports": [1, 2]}))
    content = bytearray(file.path.read_bytes())
    place = data_.draw(st.integers(0, len(content) - 1))
    if data_.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= data_.draw(st.integers(1, 255))
    file.path.write_bytes(content)
    assert num_epochs(file.read()) == 1


def test_after_damage_a_training_goes_on_from_the_one_before(
    data: ResidentData, two: CheckpointFile, caplog: pytest.LogCaptureFixture
) -> None:
    two.path.write_bytes(two.path.read_bytes()[:-1])
    resumed = Training(SPEC, data, RECIPE, seed=2, checkpoint=two)
    assert "torn or damaged" in caplog.text
    assert [r.epoch for r in resumed.epochs()] == [2, 3, 4]
    whole = Training(SPEC, data, RECIPE, seed=2)
    list(whole.epochs())
    assert bits(resumed) == bits(whole)


def test_a_damaged_checkpoint_never_takes_the_place_of_the_good_one(two: CheckpointFile) -> None:
    good = two.previous.read_bytes()
    two.path.write_bytes(b"torn")
    state = two.read()
    assert state is not None
    two.write(state)
    assert two.previous.read_bytes() == good
    two.path.write_bytes(b"torn again")
    assert num_epochs(two.read()) == 1


@pytest.mark.parametrize("change", [{"mode": {"unknown": 1}}, {"reports": [{"epoch": 1}]}, {"device": None}])
def test_facts_of_another_version_are_left_alone(
    data: ResidentData, two: CheckpointFile, change: dict[str, object]
) -> None:
    state = two.read()
    assert state is not None
    facts = {key: value for key, value in (state.facts | change).items() if value is not None}
    two.write(TrainingState(state.tensors, facts))
    assert Training(SPEC, data, RECIPE, seed=2, checkpoint=two).reports == []


def test_what_a_gpu_began_goes_on_as_this_device_can(data: ResidentData, two: CheckpointFile) -> None:
    state = two.read()
    assert state is not None
    there = {"device": "cuda", "mode": asdict(StepMode(cuda_graph=True, micro_batch=16))}
    two.write(TrainingState(state.tensors, state.facts | there))
    resumed = Training(SPEC, data, RECIPE, seed=2, checkpoint=two)
    assert resumed.mode == StepMode(micro_batch=16)
    assert [report.epoch for report in resumed.epochs()] == [3, 4]


def test_a_checkpoint_of_another_training_is_not_used(two: CheckpointFile) -> None:
    assert CheckpointFile(two.path, "another").read() is None


def test_a_full_disk_leaves_the_checkpoints_as_they_were(
    two: CheckpointFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands for the full disk: the write fails in the middle."""
    import resource
    import signal

    before = [file.read_bytes() for file in (two.path, two.previous)]
    state = two.read()
    assert state is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            two.write(state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert [file.read_bytes() for file in (two.path, two.previous)] == before
    assert sorted(p.name for p in two.path.parent.iterdir()) == ["c", "c.previous"]


def test_removing_leaves_nothing(two: CheckpointFile) -> None:
    two.remove()
    two.remove()
    assert not list(itertools.chain(two.path.parent.iterdir()))
