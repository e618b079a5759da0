"""``mgnas calibrate``: the display of measurements, and their renewal."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch

from search.cli.main import run
from trainers.device.calibration_records import Record, calibrations_folder, write_records
from trainers.device.device_key import device_key

RECORD = Record(
    date=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    load=0.25,
    others=0.5,
    rounds=2,
    agreed=True,
    times_s={"threads 1": 0.002, "threads 2": 0.003},
    chosen="threads 1",
    choice={"threads": 1},
)
KEY = "small networks; threads 2 or 1"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_calibrate_shows_date_load_choice_and_doubts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["calibrate"]) == 0
    assert "no calibration in" in capsys.readouterr().out
    write_records(calibrations_folder() / "machine.json", {KEY: RECORD})
    assert run(["calibrate"]) == 0
    text = capsys.readouterr().out
    for part in ("machine", "small networks", "threads 1", "2026-01-02 03:04", "0.25", "50 %"):
        assert part in text
    assert re.search(r"other processes used 50 % of the\s+CPU", text)
    assert run(["calibrate", "--json"]) == 0
    (device,) = json.loads(capsys.readouterr().out)["devices"]
    (measurement,) = device["measurements"]
    assert (device["device"], measurement["measured"]) == ("machine", KEY)
    assert (measurement["choice"], measurement["date"]) == ({"threads": 1}, "2026-01-02T03:04:00Z")


def test_calibrate_shows_what_a_study_keeps_and_does_not_renew_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", str(tmp_path)]) == 2
    assert "has no calibration; name the folder of a study that has begun" in capsys.readouterr().err
    write_records(tmp_path / "calibration" / "machine.json", {KEY: RECORD})
    assert run(["calibrate", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == str(tmp_path / "calibration")
    assert run(["calibrate", str(tmp_path), "--renew"]) == 2
    assert "leave out the folder to renew" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_renew_measures_this_machine_again(capsys: pytest.CaptureFixture[str]) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    file = calibrations_folder() / f"{device_key(device)}.json"
    write_records(file, {KEY: RECORD, "matrix products; float32": RECORD})
    assert run(["calibrate", "--renew", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("calibrating: ")
    found = json.loads(printed.out)["devices"]
    assert file.stem in [device["device"] for device in found]
    measurements = [measurement for device in found for measurement in device["measurements"]]
    measured = [measurement["measured"].partition(";")[0] for measurement in measurements]
    assert {"small networks", "medium networks", "large networks", "matrix products"} == set(measured)
    assert KEY not in [measurement["measured"] for measurement in measurements]
    dates = [datetime.fromisoformat(measurement["date"]) for measurement in measurements]
    assert all(datetime.now(UTC) - date < timedelta(hours=1) for date in dates)
    assert all(0 < min(measurement["times_s"].values()) < 100 for measurement in measurements)
