"""What a user may do wrong with ``mgnas train``: one line that names the value, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.search.studies import write_images
from tests.search.test_user_errors import error

NETWORK = "MgNet[1,1]-4-B^l"
TRAIN = ("train", NETWORK, "--data", "npz:images.npz", "--epochs", "1")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epochs", "0"], "--epochs: train.epochs: must be greater than or equal to 1, but got 0"),
        (["--seed", "-1"], "--seed: search.seed: must be greater than or equal to 0, but got -1"),
        (["--threads", "0"], "--threads: execution.threads: must be"),
        (["--set", "data.root=[1,2]"], "data.root: must be text, but got [1, 2]"),
        (["--set", "data.root=true"], "data.root: must be text, but got true"),
        (["--set", "data.root=nan"], "data.root: must be text, but got nan"),
        (["--set", "data.root=1979-05-27"], "data.root: must be text, but got datetime.date(1979, 5, 27)"),
        (["--data-root", ""], "--data-root is empty"),
        (["--data", " "], "--data is empty"),
        (["--preset", ""], "--preset is empty; name one of cifar10-paper,"),
        (["--plugin", ""], "--plugin is empty"),
    ],
)
def test_wrong_options_are_named_as_typed(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert says in error(capsys, *TRAIN, *arguments)
    assert not Path("runs").exists()
