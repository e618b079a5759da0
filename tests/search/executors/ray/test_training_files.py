"""Trainings on nodes that do not share the study's folder: their files travel with jobs and events."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from search.executors.messages import Epoch, Event, Finished, Job, Paused
from search.executors.ray.protocol import Saved
from search.executors.ray.training_files import SentFiles
from search.executors.run_job import run_job
from search.executors.workplace import Workplace
from tests.support.stripes import RECIPE, SPEC, striped_data
from trainers.checkpoint import intact_content, store_content
from trainers.device.calibration import Calibration
from trainers.device.execution import ExecutionConfig

JOB = Job(
    7, SPEC.to_dict(), RECIPE.replaced({"epochs": 3}), 0, "/driver/w.safetensors", "/driver/c.checkpoint"
)


def run_away(folder: Path, job: Job, checkpoint: bytes | None, every_s: float) -> list[Event | Saved]:
    """Run a job as an actor does on a node of its own; return what the driver gets."""
    data = striped_data()
    place = Workplace(data, ExecutionConfig(channels_last=True), Calibration(data.device, folder))
    told: list[Event | Saved] = []
    with SentFiles(job, folder / "node", checkpoint, every_s) as files:

        def tell(event: Event) -> None:
            if (saved := files.sent_before(event)) is not None:
                told.append(saved)
            told.append(event)

        run_job(files.job, place, tell)
    assert not (folder / "node").exists()
    return told


def kinds(told: list[Event | Saved]) -> list[str]:
    return [one.kind if isinstance(one, Saved) else type(one).__name__ for one in told]


def test_checkpoint_goes_to_the_driver_before_the_pause_and_weights_before_the_end(tmp_path: Path) -> None:
    paused = run_away(tmp_path, dataclasses.replace(JOB, until=1), None, every_s=1e9)
    assert kinds(paused)[-3:] == ["Epoch", "checkpoint", "Paused"]
    saved = paused[-2]
    assert isinstance(saved, Saved)
    store_content(tmp_path / "home.checkpoint", saved.content)
    content = intact_content(tmp_path / "home.checkpoint")
    resumed = run_away(tmp_path, dataclasses.replace(JOB, known_epochs=1), content, every_s=1e9)
    assert [one.report.epoch for one in resumed if isinstance(one, Epoch)] == [2, 3]
    assert kinds(resumed)[-2:] == ["weights", "Finished"]
    straight = run_away(tmp_path, JOB, None, every_s=1e9)
    losses = [one.report.train_loss for one in [*paused, *resumed] if isinstance(one, Epoch)]
    assert losses == [one.report.train_loss for one in straight if isinstance(one, Epoch)]
    assert isinstance(paused[-1], Paused)
    assert isinstance(resumed[-1], Finished)


def test_a_long_training_sends_its_checkpoint_from_time_to_time(tmp_path: Path) -> None:
    assert kinds(run_away(tmp_path, JOB, None, every_s=0.0)).count("checkpoint") == 3


def test_a_damaged_checkpoint_neither_leaves_nor_enters_the_drivers_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.checkpoint"
    (saved,) = [
        one
        for one in run_away(tmp_path, dataclasses.replace(JOB, until=1), None, 1e9)
        if isinstance(one, Saved)
    ]
    store_content(path, saved.content)
    torn = saved.content[:-1]
    with pytest.raises(ValueError, match="its checksum is wrong"):
        store_content(path, torn)
    assert intact_content(path) == saved.content
    store_content(path, saved.content)
    path.write_bytes(torn)
    assert intact_content(path) == saved.content, "the previous one"
    assert intact_content(tmp_path / "none.checkpoint") is None
