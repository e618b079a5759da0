"""What a user may do wrong with ``mgnas train``: one line that names the value, and nothing is lost."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from search.main import run
from search.slots import count_cores
from tests.search.studies import mgnas, write_images
from tests.search.test_user_errors import error

NETWORK = "MgNet[1,1]-4-B^l"
TRAIN = ("train", NETWORK, "--data", "npz:images.npz", "--epochs", "1")
DONE = (*TRAIN, "--to", "done")


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


def edited(change: Callable[[Any], object]) -> Callable[[], None]:
    """Return what changes ``done/seed-0.json``."""

    def edit() -> None:
        file = Path("done/seed-0.json")
        result = json.loads(file.read_bytes())
        change(result)
        file.write_text(json.dumps(result), encoding="utf-8")

    return edit


def cut(name: str) -> None:
    content = Path(name).read_bytes()
    Path(name).write_bytes(content[: len(content) // 2])


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
        (["--to", "~nouser/x"], "--to '~nouser/x' is no usable path"),
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


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda: cut("done/seed-0.safetensors"), "done/seed-0.safetensors is damaged"),
        (lambda: Path("done/seed-0.safetensors").unlink(), "done/seed-0.safetensors is missing"),
        (lambda: cut("done/seed-0.json"), "done/seed-0.json is damaged (Invalid JSON"),
        (lambda: Path("done/seed-0.json").write_bytes(b"\xff\xfe"), "done/seed-0.json is damaged"),
        (edited(lambda r: r.update(weights="../../etc/passwd")), "weights must be 'seed-0.safetensors'"),
        (edited(lambda r: r.update(val_accuracy=0.987)), "val_accuracy must be that of the last report"),
        (edited(lambda r: r.update(val_accuracy=float("nan"))), "val_accuracy: must be a finite number"),
        (edited(lambda r: r["reports"][0].update(train_loss=None)), "reports.0: must be a valid number"),
        (edited(lambda r: r.update(reports=[])), "reports: must have at least 1 item"),
        (edited(lambda r: r["reports"][0].update(epoch=2)), "reports must be of the epochs 1, 2 and so on"),
        (edited(lambda r: r.pop("latency")), "latency: this key is missing"),
        (edited(lambda r: r.update(seed=7)), "weights must be 'seed-7.safetensors'"),
    ],
)
def test_what_is_damaged_is_trained_again_with_a_note(
    capsys: pytest.CaptureFixture[str], damage: Callable[[], object], says: str
) -> None:
    weights = Path("done/seed-0.safetensors").read_bytes()
    accuracy = json.loads(Path("done/seed-0.json").read_bytes())["val_accuracy"]
    damage()
    assert run(list(DONE)) == 0
    note = next(line for line in capsys.readouterr().err.splitlines() if "is trained again" in line)
    assert says in note
    assert note.endswith(": seed 0 is trained again")
    assert Path("done/seed-0.safetensors").read_bytes() == weights
    assert json.loads(Path("done/seed-0.json").read_bytes())["val_accuracy"] == accuracy
    assert run(list(DONE)) == 0
    assert "done is complete" in capsys.readouterr().out


def test_a_folder_from_before_there_was_a_key_is_gone_on_with_where_it_had_no_effect(
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = [*TRAIN, "--to", "older", "--set", "train.optimizer=sgd"]
    assert run(typed) == 0
    file, weights = Path("older/train.toml"), Path("older/seed-0.safetensors")
    before, older = weights.read_bytes(), file.read_text().replace("muon_decay = 10.0\n", "")
    file.write_text(older)
    assert run(typed) == 0
    assert "older is complete" in capsys.readouterr().out
    assert weights.read_bytes() == before
    assert "muon_decay = 10.0" in file.read_text()
    file.write_text(older.replace('optimizer = "sgd"', 'optimizer = "muon"'))  # whose decay was another
    assert "(train.toml differs)" in error(capsys, *TRAIN, "--to", "older")


def other_images() -> tuple[str, ...]:
    write_images(Path(), seed=1)
    return DONE


@pytest.mark.parametrize(
    "arguments",
    [
        lambda: (*DONE, "--epochs", "2"),
        lambda: (*DONE, "--epochs", "2", "--seed", "5"),
        lambda: ("train", "MgNet[1,1]-5-B^l", *DONE[2:]),
        other_images,
    ],
)
@pytest.mark.parametrize("lost", [[], ["train.toml"], ["spec.json"]])
def test_trainings_of_something_else_are_not_replaced(
    capsys: pytest.CaptureFixture[str], arguments: Callable[[], tuple[str, ...]], lost: list[str]
) -> None:
    for name in lost:
        (Path("done") / name).unlink()
    typed = arguments()
    before = files("done")
    assert "done holds trainings of another network or recipe" in error(capsys, *typed)
    assert files("done") == before


def test_what_is_complete_is_shown_without_room(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*DONE]) == 0  # the images lie elsewhere now, which is written down
    before = files("done")
    capsys.readouterr()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        code = run([*DONE])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 0
    assert "done is complete" in capsys.readouterr().out
    assert files("done") == before


def test_other_names_of_classes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    write_images(Path(), classes=("zero", "1"))
    before = files("done")
    assert "with other names of classes ('0' instead of 'zero')" in error(capsys, *DONE, "--seeds", "2")
    assert files("done") == before


def test_checkpoints_of_something_else_are_not_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    from trainers.checkpoint import CheckpointFile, TrainingState

    for file in Path("done").glob("seed-0.*"):
        file.unlink()
    CheckpointFile("done/seed-0.checkpoint", "another").write(TrainingState({}, {}))
    before = files("done")
    assert "or of other images (seed-0.checkpoint)" in error(capsys, *DONE)
    assert files("done") == before


@pytest.mark.parametrize("name", ["train.toml", "spec.json"])
def test_files_that_are_no_text_are_told_in_one_line(capsys: pytest.CaptureFixture[str], name: str) -> None:
    (Path("done") / name).write_bytes(b"\xff\xfe\x00")
    assert f"({name} differs)" in error(capsys, *DONE)


def dangling() -> None:
    Path("there").symlink_to("nowhere")


def circle() -> None:
    Path("there").symlink_to("there")


@pytest.mark.parametrize(
    ("make", "to", "says"),
    [
        (lambda: Path("there").touch(), "there", "there is a file; a training needs a folder (--to)"),
        (lambda: Path("there").touch(), "there/x", "cannot train in there/x: Not a directory"),
        (
            lambda: None,
            "x" * 300,
            "xxx: File name too long; choose a shorter path (--to names another folder)",
        ),
        (dangling, "there", "there is a link that leads nowhere"),
        (circle, "there", "there is a link that leads nowhere"),
        (lambda: None, "/proc/mine", "cannot train in /proc/mine: No such file"),
        (lambda: None, ".", "holds something else (done)"),
    ],
)
def test_folders_that_cannot_be_made(
    capsys: pytest.CaptureFixture[str], make: Callable[[], None], to: str, says: str
) -> None:
    make()
    assert says in error(capsys, *TRAIN, "--to", to)


@pytest.mark.parametrize(
    "name",
    [
        "seed-0.checkpoint",
        "seed-0.running",
        "seed-0.json",
        "seed-1.safetensors",
        "curve.svg",
        ".lock",
        "train.toml",
    ],
)
def test_folders_in_the_place_of_files(capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = Path("done") / name
    path.unlink(missing_ok=True)
    path.mkdir()
    assert f"done/{name} is a folder, where a training keeps a file; remove it" in error(capsys, *DONE)


def test_a_training_that_comes_to_nothing_says_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    text = error_after_progress(capsys, *TRAIN, "--to", "bad", "--set", "train.lr=1e30")
    assert "seed 0: diverged: the " in text
    assert "; try a lower rate (train.lr, which is 1e+30, and train.muon_lr, which is 0.03)" in text


def error_after_progress(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(list(arguments)) == 2
    *progress, last = capsys.readouterr().err.splitlines()
    assert all(line.startswith(("epochs ", "calibrating: ")) for line in progress)
    return last
