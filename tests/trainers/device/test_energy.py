"""The energy of a training: the sum over all its parts, or unavailable."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.support.stripes import RECIPE, SPEC
from trainers.checkpoint import CheckpointFile
from trainers.data.device_data import ResidentData
from trainers.device import measurements
from trainers.device.energy import EnergyMeter
from trainers.training import Training


class Counter:
    """A meter of a device that uses two joules whatever it does; no such device is at hand in tests."""

    def __init__(self, device: torch.device) -> None:
        self.before_j: float | None = 0.0

    def joules(self) -> float | None:
        return None if self.before_j is None else self.before_j + 2.0


def test_a_cpu_does_not_tell() -> None:
    assert EnergyMeter(torch.device("cpu")).joules() is None


def test_what_was_used_before_a_stop_counts(
    data: ResidentData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurements, "EnergyMeter", Counter)
    file = CheckpointFile(tmp_path / "c", "identity")
    first = Training(SPEC, data, RECIPE, seed=1, checkpoint=file)
    list(first.epochs(until=1))
    assert first.energy_j() == 2.0
    second = Training(SPEC, data, RECIPE, seed=1, checkpoint=file)
    assert second.energy_j() == 4.0
    list(second.epochs())
    assert second.measurements().energy_j == 4.0


def test_a_training_begun_where_nobody_told_has_no_figure(
    data: ResidentData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = CheckpointFile(tmp_path / "c", "identity")
    list(Training(SPEC, data, RECIPE, seed=1, checkpoint=file).epochs(until=1))
    monkeypatch.setattr(measurements, "EnergyMeter", Counter)
    assert Training(SPEC, data, RECIPE, seed=1, checkpoint=file).energy_j() is None
