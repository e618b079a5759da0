"""The number of trainings for each GPU: measured with a network of the space, and kept in the study."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.executors.messages import Setup
from search.executors.packing import Throughput
from search.executors.slots import Slot
from search.study import gpu_packing
from search.study.config import StudyConfig
from search.study.gpu_packing import FILE, packed_slots, typical_network
from space.core.errors import InvalidInputError
from space.search_space import SearchSpace
from tests.support.studies import write_images
from trainers.device.execution import ExecutionConfig

SPACE = {"levels": 1, "nu": 1, "c_u": {"low": 2, "high": 8}, "max_params": 500}
SLOTS = [Slot("cpu", threads=1)]


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    tables = {
        "data": {"source": f"npz:{write_images(tmp_path, 48)}"},
        "space": SPACE,
        "train": {"epochs": 2, "precision": "float32"},
        "execution": {"channels_last": True},
        "search": {"trials_per_gpu": "auto"},
    }
    return StudyConfig.parse(tables, "the test")


@pytest.fixture
def space(config: StudyConfig) -> SearchSpace:
    return config.search_space(in_channels=1, num_classes=2, image_size=(8, 8))


def setup(config: StudyConfig, tmp_path: Path) -> Setup:
    return Setup(config.data, ExecutionConfig(channels_last=True), str(tmp_path))


def test_typical_network_is_feasible_and_neither_the_smallest_nor_the_largest(space: SearchSpace) -> None:
    low, high = space.params_range()
    assert low < typical_network(space).params < high <= 500
    assert typical_network(space) == typical_network(space)


def test_packing_is_measured_once_and_kept(
    config: StudyConfig, space: SearchSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_packing, "COUNTS", (1, 2))
    told: list[str] = []
    measure = gpu_packing.measure_packing
    monkeypatch.setattr(
        gpu_packing, "measure_packing", lambda *values: measure(*values, counts=(1, 2), min_growth=0.0)
    )
    first = packed_slots(config, space, setup(config, tmp_path), SLOTS, tmp_path / "kept", told.append)
    assert len(first) in (1, 2)
    assert [line.partition(" on")[0] for line in told[1:]] == ["1 training", "2 trainings"]
    monkeypatch.setattr(gpu_packing, "measure_packing", pytest.fail)
    assert (
        packed_slots(config, space, setup(config, tmp_path), SLOTS, tmp_path / "kept", told.append) == first
    )


def test_slots_of_all_gpus_are_multiplied(
    config: StudyConfig, space: SearchSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Throughput(1, 1.0), Throughput(2, 1.9), Throughput(4, 1.95)]
    monkeypatch.setattr(gpu_packing, "measure_packing", lambda *_: found)
    gpus = [Slot("cuda", gpu=0), Slot("cuda", gpu=1)]
    packed = packed_slots(config, space, setup(config, tmp_path), gpus, tmp_path, print)
    assert [slot.gpu for slot in packed] == [0, 1, 0, 1]


def test_damaged_measurement_is_repeated(
    config: StudyConfig, space: SearchSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE).write_text('{"throughputs": 3}')
    monkeypatch.setattr(gpu_packing, "measure_packing", lambda *_: [Throughput(1, 1.0)])
    assert packed_slots(config, space, setup(config, tmp_path), SLOTS, tmp_path, print) == SLOTS
    assert '"trainings": 1' in (tmp_path / FILE).read_text()


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({"trials_per_gpu": 0}, "search.trials_per_gpu: must be greater than 0"),
        ({"trials_per_gpu": "many"}, "search.trials_per_gpu: must be a valid number or 'auto'"),
        ({"trials_per_gpu": "auto", "executor": "ray"}, "give a number for search.executor = 'ray'"),
    ],
)
def test_wrong_numbers_are_refused(search: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        StudyConfig.parse({"search": search}, "the test")
