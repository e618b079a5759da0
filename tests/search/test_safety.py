"""Files of a study run no code, and names in them do not leave its folder."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from results.open import open_study
from tests.support.command_line import mgnas
from trainers.checkpoint import MAGIC, CheckpointFile

STUDY = Path("runs/tiny")
PLUGIN = """
from pathlib import Path
Path("exploded").touch()
"""


class Bomb:
    """An object whose unpickling makes a file."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return os.mkdir, ("exploded",)


BOMB = pickle.dumps(Bomb())


def test_bomb_works(finished: Path) -> None:
    pickle.loads(BOMB)
    assert (finished / "exploded").is_dir()


@pytest.mark.parametrize(
    "wrap", [lambda bomb: bomb, lambda bomb: MAGIC + hashlib.sha256(bomb).digest() + bomb]
)
def test_pickle_in_the_place_of_a_checkpoint_is_not_loaded(
    finished: Path, wrap: Callable[[bytes], bytes]
) -> None:
    file = CheckpointFile("a.checkpoint", "identity")
    for path in (file.path, file.previous):
        path.write_bytes(wrap(BOMB))
    assert file.read() is None
    assert not (finished / "exploded").exists()


@pytest.mark.parametrize(
    "header",
    [{}, {"__metadata__": {}}, {"__metadata__": {"mgnas": "[]"}}, {"a": 1, "__metadata__": {"mgnas": "{}"}}],
)
def test_checkpoint_with_a_right_checksum_and_wrong_content_counts_as_none(
    tmp_path: Path, header: dict[str, Any]
) -> None:
    text = json.dumps(header).encode()
    payload = len(text).to_bytes(8, "little") + text
    file = CheckpointFile(tmp_path / "a.checkpoint", "identity")
    file.path.write_bytes(MAGIC + hashlib.sha256(payload).digest() + payload)
    assert file.read() is None


@pytest.mark.parametrize(
    "pattern", ["checkpoints/*.safetensors", "study.toml", "study.db", "environment.json"]
)
def test_pickle_in_the_place_of_a_study_file_is_not_loaded(finished: Path, pattern: str) -> None:
    places = list(STUDY.glob(pattern))
    assert places
    for place in places:
        place.write_bytes(BOMB)
    for command in (["front"], ["report"], ["verify"], ["export", "--pick", "best", "-o", "out"]):
        run = mgnas(command[0], STUDY, *command[1:], cwd=finished)
        assert "bug" not in run.stderr
    assert not (finished / "exploded").exists()


def test_pickle_in_an_archive_of_images_is_not_loaded(finished: Path) -> None:
    objects = np.empty(4, dtype=object)
    objects[:] = [Bomb()] * 4
    np.savez(finished / "bomb.npz", x_train=objects, y_train=np.arange(4) % 2)
    run = mgnas("search", "--data", "npz:bomb.npz", "--trials", "1", cwd=finished)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert not (finished / "exploded").exists()


@pytest.mark.parametrize("weights", ["../../keep", "/keep", "checkpoints/../../../keep", ""])
def test_weights_outside_the_folder_are_refused(finished: Path, weights: str) -> None:
    (finished / "keep").write_text("mine", encoding="utf-8")
    _set_in_ledger(weights=weights.replace("/keep", f"{finished}/keep") if weights == "/keep" else weights)
    for command in (["front"], ["export", "--pick", "best", "-o", "out"], ["search", "--trials", "7"]):
        run = mgnas(command[0], STUDY, *command[1:], cwd=finished)
        assert run.returncode == 2
        assert "damaged" in run.stderr
    assert (finished / "keep").read_text("utf-8") == "mine"


def test_identity_that_is_a_path_is_refused(finished: Path) -> None:
    _set_in_ledger(arch="../../keep")
    assert "damaged" in mgnas("search", STUDY, "--trials", "7", cwd=finished).stderr


@pytest.mark.parametrize("name", ["../../evil.py", "plugins/../../../evil.py", "evil.py", "plugins/evil.py"])
def test_plugin_that_was_not_named_in_the_search_is_not_run(finished: Path, name: str) -> None:
    """Both the ledger and study.toml are changed; a file in the folder has another content than recorded."""
    for place in (finished / "evil.py", STUDY / "evil.py", STUDY / "plugins" / "evil.py"):
        place.parent.mkdir(exist_ok=True)
        place.write_text(PLUGIN, encoding="utf-8")
    with closing(sqlite3.connect(STUDY / "study.db")) as database, database:
        (header,) = database.execute("SELECT header FROM mgnas_studies").fetchone()
        changed = json.loads(header)
        changed["config"]["plugins"] = [name]
        changed["plugins"] = {"evil.py": "0" * 64}
        database.execute("UPDATE mgnas_studies SET header = ?", [json.dumps(changed)])
    config = STUDY / "study.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace("plugins = []", f"plugins = [{json.dumps(name)}]"), encoding="utf-8")
    assert open_study(STUDY).header.config["plugins"] == [name]
    for command in (["front"], ["report"], ["verify"], ["search", "--trials", "7"]):
        run = mgnas(command[0], STUDY, *command[1:], cwd=finished)
        assert "bug" not in run.stderr
        if command[0] in ("verify", "search"):
            assert run.returncode == 2, run.stderr
    assert not (finished / "exploded").exists()


def _set_in_ledger(**columns: str) -> None:
    with closing(sqlite3.connect(STUDY / "study.db")) as database, database:
        for column, value in columns.items():
            database.execute(f"UPDATE mgnas_trials SET {column} = ? WHERE state = 'complete'", [value])
