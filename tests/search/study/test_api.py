"""A search from Python: the same decisions as from the command line, and results as DataFrames."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from results.open import open_study
from search.study.api import run_search
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from space.core.errors import InvalidInputError
from tests.support.studies import write_study
from tests.support.synthetic import study as empty_study
from tests.support.waiting import MOST_S
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data


def test_it_goes_on_as_the_command_line_does(finished: Path) -> None:
    stdout = sys.stdout
    study = run_search("runs/tiny", progress=False)
    assert study.num_finished == 6
    assert run_search(Path("tiny.toml"), progress=False).num_finished == 6
    study = run_search("tiny.toml", trials=7, progress=False)
    assert study.num_finished == 7
    assert sys.stdout is stdout
    frame = study.front()
    assert frame["params"].is_monotonic_increasing
    assert frame["val_accuracy"].is_monotonic_increasing
    assert len(study.trials()) == 7
    assert len(study.curves()) == 14
    assert study.trials()["on_front"].sum() == len(frame)


def test_settings_and_errors(finished: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"train\.epochs = 2, but now 3"):
        run_search("tiny.toml", settings={"train.epochs": 3}, progress=False)
    with pytest.raises(InvalidInputError, match="did you mean 'epochs'"):
        run_search("tiny.toml", settings={"train.epoch": 3}, progress=False)
    with pytest.raises(InvalidInputError, match="cannot read the study file digit"):
        run_search("digit", progress=False)
    with pytest.raises(InvalidInputError, match="the source imagefolder needs a folder"):
        run_search("images", progress=False)


def test_names_that_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(InvalidInputError, match="folder is empty"):
        run_search("digits", folder="", progress=False)
    for study, folder, settings, says in (
        (5, None, None, "study must be a text or a path, but got 5"),
        ("", "somewhere", None, "study is empty"),
        ("digits", "\0", None, "is no usable path"),
        ("digits", "~nobody_at_all/x", None, "is no usable path"),
        ("digits", None, {5: 3}, r"settings take section\.key, .* but got 5"),
        ("digits", None, [("train.epochs", 1)], "settings must be a dictionary"),
    ):
        with pytest.raises(InvalidInputError, match=says):
            run_search(study, folder=folder, settings=settings, progress=False)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"settings take section\.key, .* but got 'train'"):
        run_search("digits", settings={"train": {"epochs": 1}}, progress=False)
    with pytest.raises(InvalidInputError, match="folder is empty"):
        open_study("")
    with pytest.raises(InvalidInputError, match=r"no folder .*/home/none"):
        open_study("~/none")
    with pytest.raises(InvalidInputError, match=r"home/none\.npz"):
        load_search_data(DataConfig(source="npz:~/none.npz"))
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("streams", ["None", "closed", "closed descriptors"])
def test_a_search_needs_no_standard_streams(tmp_path: Path, streams: str) -> None:
    """As under pythonw, in daemons, and in cron with ``2>&-``."""
    write_study(tmp_path, trials=1, epochs=1)
    closing = {
        "None": "sys.stdout = sys.stderr = None",
        "closed": "sys.stdout.close(); sys.stderr.close()",
        "closed descriptors": "sys.stdout = sys.stderr = None; os.close(1); os.close(2)",
    }[streams]
    script = f"""
import os, sys
from search.study.api import run_search
{closing}
study = run_search("tiny.toml")
study.report()
os._exit(len(study.front()))
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=MOST_S,
        check=False, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert run.returncode == 1, run.stderr
    assert (run.stdout, run.stderr) == ("", "")


def test_arguments_are_the_options_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[StudyConfig] = []
    monkeypatch.setattr(
        "search.study.api.run_study", lambda config, *_, **__: asked.append(config) or empty_study([])
    )
    run_search(
        "digits", folder=tmp_path, image_size=(8, 8), trials=3, hours=0.5, epochs=4, max_params=5000,
        costs=["params", "macs"], seed=7, workers=1, device="cpu", progress=False,
    )  # fmt: skip
    config, search = asked[0], asked[0].search
    assert (search.trials, search.hours, search.seed, search.workers, search.device) == (3, 0.5, 7, 1, "cpu")
    assert (config.train.epochs, config.space.max_params) == (4, 5000)
    assert (config.data.image_size, search.costs) == ((8, 8), ("params", "macs"))
    with pytest.raises(InvalidInputError, match=r"train\.epochs is given twice, as epochs and in settings"):
        run_search("digits", epochs=2, settings={"train.epochs": 3}, progress=False)
    with pytest.raises(InvalidInputError, match=r"search\.workers: must be"):
        run_search("digits", workers=0, progress=False)


def test_every_option_of_search_is_an_argument() -> None:
    import inspect

    from search.cli.search_commands import search

    options = set(inspect.signature(search).parameters) - {"preset", "assignments", "as_json", "repair"}
    assert options <= set(inspect.signature(run_search).parameters)


def test_status_knows_whether_a_driver_is_at_work(finished: Path) -> None:
    study = open_study("runs/tiny")
    study.records[0] = replace(study.records[0], state="running")
    assert (study.status()["running"], study.status()["interrupted"]) == (0, 1)
    with StudyFolder("runs/tiny").locked():
        assert (study.status()["running"], study.status()["interrupted"]) == (1, 0)


class Photos:
    """A data set of (C H W tensor from 0 to 1, label), as torchvision's with ToTensor."""

    classes = ("dark", "light")

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index >= len(self):
            raise IndexError
        return torch.full((1, 8, 8), index % 2 * 0.5 + index / 255), index % 2


def test_arrays_and_datasets_are_written_once_into_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[StudyConfig] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "search.study.api.run_study", lambda config, *_, **__: asked.append(config) or empty_study([])
    )
    run_search(data=Photos(), folder="a", progress=False)
    found = load_search_data(asked[0].data)
    assert (found.classes, found.image_size, found.in_channels) == (("dark", "light"), (8, 8), 1)
    x = np.stack([image.numpy() for image, _ in map(Photos().__getitem__, range(40))])
    run_search(data=(torch.tensor(x), np.arange(40) % 2), progress=False)
    assert load_search_data(asked[1].data).fingerprint() == found.fingerprint()
    assert {path.name for path in tmp_path.rglob("*.npz")} == {"given.npz"}
    assert (tmp_path / "runs/given/given.npz").is_file()
    for data, says in (
        (5, "data must be a source's name, arrays"),
        ({"x": x}, "data takes x_train, y_train"),
        (([x[0], x[1, :, :4]], [0, 1]), r"data\[0\]"),
    ):
        with pytest.raises(InvalidInputError, match=says):
            run_search(data=data, folder="b", progress=False)  # type: ignore[arg-type]
    assert not (tmp_path / "b").exists()


def test_given_images_go_on_and_are_not_replaced_by_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 6, 6), dtype=np.uint8), np.arange(40) % 2
    settings = {"train.epochs": 1, "search.workers": 1, "space.c_u": 4}
    for trials in (1, 2):
        study = run_search(
            data=(x, y), folder=tmp_path / "s", trials=trials, settings=settings, progress=False
        )
        assert study.num_finished == trials
    with pytest.raises(InvalidInputError, match="was searched on other images"):
        run_search(data=(255 - x, y), folder=tmp_path / "s", trials=3, settings=settings, progress=False)
    assert run_search(tmp_path / "s", progress=False).num_finished == 2
