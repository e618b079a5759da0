"""User errors with ``mgnas train``: one line with the value, and no lost data."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch

from results.open import open_study
from search.cli.main import run
from search.executors.slots import count_cores
from tests.search.cli.test_user_errors import error
from tests.support.command_line import mgnas
from tests.support.studies import write_images

NETWORK = "MgNet[1,1]-4-B^l"
TRAIN = ("train", NETWORK, "--data", "npz:images.npz", "--epochs", "1")
DONE = (*TRAIN, "-o", "done")


@pytest.fixture(scope="module")
def _done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("done")
    write_images(home)
    assert mgnas(*DONE, cwd=home).returncode == 0
    return home


@pytest.fixture(autouse=True)
def home(_done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with images and a finished training in ``done``."""
    threads = torch.get_num_threads()
    home = tmp_path / "home"
    shutil.copytree(_done, home)
    monkeypatch.chdir(home)
    yield home
    torch.set_num_threads(threads)


def files(folder: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def weights_file() -> Path:
    (record,) = open_study("done").records
    return Path("done", str(record.weights))


def edited(change: str) -> Callable[[], None]:
    """Return what changes the ledger of ``done``."""

    def edit() -> None:
        with closing(sqlite3.connect("done/study.db")) as database, database:
            database.execute(change)

    return edit


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def of_another_seed() -> None:
    assert run([*TRAIN, "--seed", "1", "-o", "other"]) == 0
    (other,) = open_study("other").records
    shutil.copy(Path("other", str(other.weights)), weights_file())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epochs", "0"], "--epochs: train.epochs: must be greater than or equal to 1, but got 0"),
        (["--seed", "-1"], "--seed: search.seed: must be greater than or equal to 0, but got -1"),
        (["--threads", "0"], "--threads: execution.threads: must be"),
        (["--seeds", "0"], "--seeds must be from 1 to 1000, but got 0"),
        (["--seed", str(2**63 - 2), "--seeds", "3"], f"lead to {2**63}; begin with a smaller --seed"),
        (["--threads", str(count_cores() + 1)], f"must be at most {count_cores()}, the cores"),
        (["--set", "execution.threads=999"], f"must be at most {count_cores()}, the cores"),
        (["--set", "execution.graph=true"], "did you mean 'cuda_graph'"),
        (["--set", "train.metric=f1"], "train.metric: must be"),
        (["--preset", "digit"], "did you mean 'digits'"),
        (["-o", "~nouser/x"], "--output '~nouser/x' is no usable path"),
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


@pytest.mark.parametrize(
    ("make", "source", "says"),
    [
        (lambda: None, "images.npz", "; did you mean 'npz:images.npz'?"),
        (lambda: None, "sub/images.npz", "; did you mean 'npz:sub/images.npz'?"),
        (lambda: None, "done", "; did you mean 'imagefolder:done'?"),
        (lambda: None, "x" * 5000, "but got 'xxxx"),
        (
            lambda: None,
            f"npz:{'a' * 5000}",
            "aaa ... aaaaaaaaaaaaaaaaaaa' is no usable path: File name too long",
        ),
        (
            lambda: None,
            "npz:\udcff.npz",
            "data.source = 'npz:\\udcff.npz' is no usable path: it is not UTF-8",
        ),
        (
            lambda: Path("l.npz").symlink_to("nowhere"),
            "npz:l.npz",
            "'npz:l.npz' is a link that leads nowhere, to",
        ),
        (lambda: None, "npz:done", "/done is a folder, but npz needs a file; did you mean 'imagefolder:"),
    ],
)
def test_sources_that_lead_nowhere(
    capsys: pytest.CaptureFixture[str], make: Callable[[], None], source: str, says: str
) -> None:
    make()
    message = error(capsys, "train", NETWORK, "--data", source)
    assert says in message
    assert len(message) < 500
    assert not Path("runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda: cut(weights_file()), "-s0.safetensors is not a safetensors file or is damaged"),
        (lambda: weights_file().unlink(), "there is no file of weights done/checkpoints/"),
        (of_another_seed, "-s0.safetensors holds the network "),
    ],
)
def test_what_is_damaged_is_trained_again_with_a_note(
    capsys: pytest.CaptureFixture[str], damage: Callable[[], object], says: str
) -> None:
    before = open_study("done")
    file = weights_file()
    weights, accuracies = file.read_bytes(), [record.val_accuracy for record in before.records]
    losses = [report.val_loss for report in before.reports[0]]
    damage()
    capsys.readouterr()
    assert run(list(DONE)) == 0
    noted = capsys.readouterr().err
    assert "warning: trial 0: " in noted
    assert says in noted
    assert "trial 0, trained again, ended as recorded" in noted
    after = open_study("done")
    assert file.read_bytes() == weights
    assert [record.val_accuracy for record in after.records] == accuracies
    assert [report.val_loss for report in after.reports[0]] == losses
    assert run(list(DONE)) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (edited("update mgnas_trials set val_accuracy = 'high'"), "done/study.db"),
        (edited("update mgnas_reports set train_loss = 'x'"), "done/study.db"),
        (edited("update mgnas_trials set val_accuracy = 0.987"), "the ledger in done is damaged"),
        (edited("delete from mgnas_reports"), "the epochs of trial 0 are not those of its result"),
        (edited("update mgnas_reports set epoch = 2"), "the epochs of trial 0 are not those of its result"),
        (lambda: cut(Path("done/study.db")), "done/study.db"),
        (lambda: Path("done/study.toml").write_bytes(b"\xff\xfe\x00"), "done/study.toml is damaged"),
        (lambda: Path("done/study.toml").unlink(), "done holds study.db but no study.toml"),
    ],
)
def test_a_damaged_ledger_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], damage: Callable[[], object], says: str
) -> None:
    damage()
    before = files("done")
    assert says in error(capsys, *DONE)
    assert files("done") == before


def other_images() -> tuple[str, ...]:
    write_images(Path(), seed=1)
    return DONE


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (lambda: (*DONE, "--epochs", "2"), "train.epochs = 1, but now 2 is asked for"),
        (lambda: (*DONE, "--epochs", "2", "--seed", "5"), "train.epochs = 1, but now 2 is asked for"),
        (lambda: ("train", "MgNet[1,1]-5-B^l", *DONE[2:]), f"plan.networks = {NETWORK}, but now MgNet"),
        (other_images, "done holds a study of other images than"),
    ],
)
def test_trainings_of_something_else_are_not_replaced(
    capsys: pytest.CaptureFixture[str], arguments: Callable[[], tuple[str, ...]], says: str
) -> None:
    typed = arguments()
    before = files("done")
    assert says in error(capsys, *typed)
    assert files("done") == before


def test_what_is_complete_is_shown_without_room(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*DONE]) == 0
    before = files("done")
    capsys.readouterr()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        code = run([*DONE])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 0
    assert "study done is complete" in capsys.readouterr().out
    assert files("done") == before


def test_other_names_of_classes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    write_images(Path(), classes=("zero", "1"))
    before = files("done")
    assert "with other names of classes ('0' instead of 'zero')" in error(capsys, *DONE, "--seeds", "2")
    assert files("done") == before


def test_checkpoints_of_something_else_are_not_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    from trainers.checkpoint import CheckpointFile, TrainingState

    weights = weights_file().read_bytes()
    weights_file().unlink()
    CheckpointFile(weights_file().with_suffix(".checkpoint"), "another").write(TrainingState({}, {}))
    assert run(list(DONE)) == 0
    assert weights_file().read_bytes() == weights


def dangling() -> None:
    Path("there").symlink_to("nowhere")


def circle() -> None:
    Path("there").symlink_to("there")


@pytest.mark.parametrize(
    ("make", "to", "says"),
    [
        (lambda: Path("there").touch(), "there", "there is a file; a study needs a folder (--output)"),
        (lambda: Path("there").touch(), "there/x", "cannot write to there/x: "),
        (lambda: None, "x" * 300, "xxx"),
        (dangling, "there", "there"),
        (circle, "there", "there"),
        (lambda: None, "/proc/mine", "cannot write to /proc/mine: "),
        (lambda: None, ".", "holds no study but something else (done)"),
    ],
)
def test_folders_that_cannot_be_made(
    capsys: pytest.CaptureFixture[str], make: Callable[[], None], to: str, says: str
) -> None:
    make()
    assert says in error(capsys, *TRAIN, "-o", to)


@pytest.mark.parametrize("name", [".lock", "study.toml", "study.db"])
def test_folders_in_the_place_of_files(capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = Path("done") / name
    path.unlink()
    path.mkdir()
    assert "done" in error(capsys, *DONE, "--seeds", "2")
    assert path.is_dir()


@pytest.mark.parametrize("name", ["curves.csv", "report.html"])
def test_what_cannot_be_written_is_told_and_loses_nothing(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = Path("done") / name
    path.unlink()
    path.mkdir()
    os.utime("done/study.db")
    assert run(list(DONE)) == 0
    captured = capsys.readouterr()
    assert f"warning: cannot write done/{name}" in captured.err
    assert "study done is complete" in captured.out


@pytest.mark.slow
def test_a_training_that_comes_to_nothing_says_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    code = run([*TRAIN, "-o", "bad", "--set", "train.lr=1e30"])
    *_, last = capsys.readouterr().err.splitlines()
    assert code == 1
    assert last.startswith(
        "mgnas: bad: no training has a result; the last one failed: seed 0: diverged: the "
    )
    assert "; try a lower rate (train.lr, which is 1e+30, and train.muon_lr, which is 0.03)" in last
    assert run([*TRAIN, "-o", "bad", "--set", "train.lr=1e30"]) == code
    assert capsys.readouterr().err == f"{last}\n"  # what has failed is known, and not trained again
