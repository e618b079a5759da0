"""A search whose networks run out of memory beside each other: every trial completes alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from results.open import open_study
from search.study.event_log import EVENTS
from tests.support import hungry_family
from tests.support.command_line import mgnas
from tests.support.studies import write_images

STUDY = f"""
name = "hungry"
plugins = [{json.dumps(hungry_family.__file__)}]

[data]
source = "npz:images.npz"
val_fraction = 0.25

[space]
family = "hungry"

[space.families.hungry]
appetite = {hungry_family.PAIRED}
width = {{ low = 2, high = 9 }}

[train]
epochs = 2
batch_size = 16
optimizer = "sgd"
precision = "float32"
crop_padding = 0

[execution]
channels_last = true
micro_batch = 1

[search]
trials = 5
workers = 2
sampler = "random"
"""


@pytest.mark.slow
def test_trials_out_of_memory_beside_others_complete_alone_and_the_study_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(hungry_family.FOLDER, str(tmp_path))
    write_images(tmp_path, 48)
    (tmp_path / "hungry.toml").write_text(STUDY, encoding="utf-8")
    run = mgnas("search", "hungry.toml", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    records = open_study(tmp_path / "runs/hungry").records
    assert [(one.state, one.epochs) for one in records] == [("complete", 2)] * 5
    lines = (tmp_path / "runs/hungry/logs" / EVENTS).read_text("utf-8").splitlines()
    deferred = [one for one in map(json.loads, lines) if one.get("outcome") == "deferred"]
    assert deferred
    assert (
        f"trial {deferred[0]['trial']}: out of memory: a single image does not fit; it runs again alone on cpu"
        in (run.stderr)
    )
    verified = mgnas("verify", "runs/hungry", cwd=tmp_path)
    assert "all as recorded" in verified.stdout, verified.stderr
