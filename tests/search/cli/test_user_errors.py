"""User errors on the command line: one line with advice, exit code 2, no changes."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from search.cli.main import run
from tests.search.cli.test_command_line import STUDY, output
from tests.support.studies import write_images


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that a user's error prints, and check that it is one, with exit code 2."""
    code = run(list(arguments))
    captured = capsys.readouterr()
    assert code == 2, (code, captured)
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("mgnas: ")
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["front", "nowhere"], "there is no folder nowhere"),
        (["front", "."], "has no study.db"),
        (["status", "tiny.toml"], "tiny.toml is a file, but a study is a folder"),
        (["front", "runs/tiny/study.db"], "but a study is a folder; did you mean its folder, runs/tiny?"),
        (["front", "runs/tiny", "--json", "--csv"], "exclude each other"),
        (
            ["export", "runs/tiny", "--trial", "0", "--pick", "best"],
            "--trial and --pick exclude each other; --pick takes one of within-1se",
        ),
        (["export", "runs/tiny", "--network", "resnet18"], "has no certified networks"),
        (["export", "runs/tiny", "--trial", "77"], "has no trial 77"),
        (["export", "runs/tiny", "--pick", "bset"], "did you mean 'best'"),
        (["export", "runs/tiny", "--pick", "accuracy"], "put the goal in quotes"),
        (
            ["export", "runs/tiny", "--pick", "accuracy>=1.0001%x"],
            "pick must be one of within-1se, best",
        ),
        (["export", "runs/tiny", "--pick", "accuracy>=97"], "write 'accuracy>=0.97' or 'accuracy>=97%'"),
        (["export", "runs/tiny", "--pick", "best", "--max-params", "3"], "at most 3 parameters"),
        (["export", "runs/tiny", "--pick", "best", "--formats", "onxx"], "did you mean 'onnx'"),
        (["export", "runs/tiny", "--pick", "best", "--output", "."], "current folder"),
        (["describe", "MgNet[2,2]-8"], "expected -B^l, -B^{l,i} or -B"),
        (
            ["describe", "MgNet[2]-8-B^l", "--image-size", "0"],
            "--image-size must be from 1 to 1000000, but got 0",
        ),
        (["search", "--trials", "0"], "search.trials: "),
        (["search", "--trials", "many"], "'--trials'"),
        (["search", "--hours", "-1"], "search.hours: "),
        (["search", "--warm-start", ""], "--warm-start"),
        (
            ["simulate", "digits8", "random", "--hours", "inf"],
            "--hours must be a number above 0, but got inf",
        ),
        (["search", "--preset", "digit"], "did you mean 'digits'"),
        (["search", "--data", "cifar"], "data.source must be one of"),
        (["search", "--data", "npz:none.npz"], "none.npz"),
        (["search", "--data", "mine.npz"], "did you mean 'npz:mine.npz'?"),
        (["search", "--max-params", "100"], "space.max_params = 100, but the smallest network"),
        (["search", "none.toml"], "cannot read the study file none.toml"),
        (["search", "tiny.toml", "--set", "train.epoch=3"], "did you mean 'epochs'"),
        (["search", "tiny.toml", "--set", "epochs=3"], "--set takes section.key=value"),
        (["search", "tiny.toml", "--set", "train=3"], "(keys of train: epochs, batch_size, "),
        (["search", "tiny.toml", "--set", "train.epoch=3"], "(known here: epochs, batch_size, "),
        (["search", "--epochs", "0"], "mgnas: --epochs: train.epochs: must be"),
        (["search", "--workers", "two"], "mgnas: --workers: search.workers: must be"),
        (["search", "--device", "gpu"], "mgnas: --device: search.device: must be"),
        (["search", "--image-size", "8x"], "mgnas: --image-size: data.image_size: must be"),
        (["search", "tiny.toml", "--dir", "tiny.toml"], "is a file; a study needs a folder"),
        (["search", "tiny.toml", "--dir", "."], "holds no study but something else"),
        (
            ["search", "."],
            "holds no study; name a study file, a preset, or nothing at all (images in it: --data",
        ),
        (
            ["search", "imagefolder:mine"],
            "names images, and not a study: mgnas search --data imagefolder:mine",
        ),
        (["search", "cifar10"], "names images, and not a study: mgnas search --data cifar10"),
        (["search", "tiny.toml", "--max-params", "1000"], "space.max_params = nothing, but now 1000"),
        (["search", "tiny.toml", "--set", "train.epochs=3"], "train.epochs = 2, but now 3"),
        (["search", "tiny.toml", "--set", "train.epoch=3"], "mgnas: --set: unknown key 'train.epoch'"),
        (["search", "tiny.toml", "--set", "train.epochs=0"], "mgnas: --set: train.epochs: must be"),
        (["search", "tiny.toml", "--set", "foo.bar=1"], "mgnas: --set: unknown key 'foo'"),
        (["search", "--costs", "params,foo"], "mgnas: --costs: search.costs.1: must be"),
        (["search", "--data", "nosuch"], "mgnas: --data: data.source must be"),
        (
            ["search", "digits", "--set", "execution.threads=999"],
            "execution.threads must be at",
        ),
        (["search", "tiny.toml", "--seed", "5"], "search.seed = 0, but now 5"),
        (["search", "tiny.toml", "--set", f"train.epochs={'9' * 5000}"], "train.epochs"),
        (["search", "--data", "npz:~nosuchuser/x.npz"], "nosuchuser"),
        (["describe", f"MgNet[{'9' * 5000}]-8-B^l"], "from 1 to 999999"),
        (["search", "--set", "data.image_size=[8, 0]"], "one side or [height, width], in pixels"),
        (["search", "--set", "data.image_size=0"], "one side or [height, width], in pixels"),
        (["simulate", "none", "random"], "no table none; the tables of mgnas are cifar16"),
        (["searc"], "searc"),
        (["search", "--trails", "3"], "--trails"),
    ],
)
def test_errors_are_one_line_and_change_nothing(
    finished: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    assert says in error(capsys, *arguments)
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


def test_other_images_are_another_study(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(finished, seed=1)
    assert "holds a study of other images" in error(capsys, "search", "tiny.toml", "--trials", "9")


def test_other_names_of_classes_are_another_study(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same images under other names: exported networks would call them by both."""
    write_images(finished, classes=("0", "one"))
    says = "holds a study with other names of classes ('1' instead of 'one')"
    assert says in error(capsys, "search", "tiny.toml", "--trials", "9")


@pytest.mark.parametrize("name", ["study.toml", "study.db"])
def test_a_damaged_study_is_named_and_left_alone(
    finished: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file = STUDY / name
    file.write_bytes(b"\x00garbage" * 500)
    for command in ("search", "front", "status", "report"):
        assert name in error(capsys, command, "runs/tiny")
    assert file.read_bytes() == b"\x00garbage" * 500


@pytest.mark.parametrize(
    "statement",
    [
        "update mgnas_studies set header = 'null'",
        "update mgnas_studies set header = '5'",
        "update mgnas_studies set header = x'ff'",
        "update mgnas_studies set header = json_set(header, '$.params_range', 5)",
        "update mgnas_studies set header = json_set(header, '$.trials', 'x')",
        "update mgnas_studies set header = json_set(header, '$.data.classes', 5)",
        "update mgnas_trials set val_accuracy = 'x'",
        "update mgnas_trials set val_accuracy = 9e999",
        "update mgnas_trials set val_accuracy = 5",
        "update mgnas_trials set params = 0",
        "update mgnas_trials set hyperparameters = '{\"a\": [1]}'",
        "update mgnas_trials set state = 'odd'",
        "drop table mgnas_trials",
    ],
)
def test_a_database_with_impossible_records_is_damaged(
    finished: Path, capsys: pytest.CaptureFixture[str], statement: str
) -> None:
    with closing(sqlite3.connect(STUDY / "study.db")) as connection, connection:
        connection.execute(statement)
    for command in ("front", "status", "report"):
        assert "study.db is damaged" in error(capsys, command, "runs/tiny")
    assert "study.db is damaged" in error(capsys, "search", "runs/tiny", "--trials", "9")


@pytest.mark.parametrize(
    ("hole", "says"),
    [
        ("mgnas_trials where number = 1", "trial 1 or epochs of it"),
        ("mgnas_reports where trial = 1", "trial 1 or epochs of it"),
        ("mgnas_reports where trial = 1 and epoch = 1", "trial 1 or epochs of it"),
        ("mgnas_reports where trial = 1 and epoch = 2", "trial 1 or epochs of it"),
        ("mgnas_events where kind = 'begin'", "its beginning"),
    ],
)
@pytest.mark.parametrize("state", ["complete", "stopped"])
def test_a_ledger_with_holes_is_not_verified(
    finished: Path, capsys: pytest.CaptureFixture[str], hole: str, says: str, state: str
) -> None:
    with closing(sqlite3.connect(STUDY / "study.db")) as connection, connection:
        connection.execute(f"update mgnas_trials set state = '{state}' where number = 1")
        connection.execute(f"delete from {hole}")
    assert f"its ledger is damaged, {says}" in error(capsys, "verify", "runs/tiny")


def test_a_complete_study_is_not_shown_for_other_images(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy("images.npz", "same.npz")
    assert run(["search", "runs/tiny", "--data", "npz:same.npz"]) == 0
    capsys.readouterr()
    Path("others").mkdir()
    others = write_images(Path("others"), seed=1)
    assert "holds a study of other images" in error(capsys, "search", "runs/tiny", "--data", f"npz:{others}")
    assert "there is no file" in error(capsys, "search", "runs/tiny", "--data", "npz:none.npz")


def test_a_section_that_is_no_table_is_refused_whatever_is_set_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.toml").write_text("train = 5\n", encoding="utf-8")
    assert "train: must be a table" in error(capsys, "search", "bad.toml", "--set", "train.epochs=1")


def test_a_study_that_optuna_has_lost_is_damaged(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(STUDY / "study.db")) as connection, connection:
        connection.execute("drop table trials")
    assert run(["search", "runs/tiny", "--trials", "9"]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_a_folder_left_by_a_driver_killed_at_its_start_is_begun_in(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed between the first file and the last: nothing but what begins a study is there."""
    half = Path("half")
    half.mkdir()
    for name in ("study.toml", "environment.json", ".lock"):
        shutil.copy(STUDY / name, half / name)
    (half / ".study.db.part").write_bytes(b"SQLite format 3")
    (half / ".study.toml.77.part").write_bytes(b"na")
    assert "is complete: all 6" in output(capsys, "search", "tiny.toml", "--dir", "half")


def test_an_edited_study_file_is_noticed(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Else two recipes would mix in one study."""
    file = STUDY / "study.toml"
    file.write_text(file.read_text("utf-8").replace("epochs = 2", "epochs = 1"), encoding="utf-8")
    assert "was edited: the study was begun with train.epochs = 2, but now 1" in error(
        capsys, "search", "runs/tiny", "--trials", "9"
    )


@pytest.mark.parametrize("config", ["epochs = 3\n", "[search]\ntrials = 3\n"])
def test_a_folder_of_ones_own_is_never_taken_for_a_study(
    finished: Path, capsys: pytest.CaptureFixture[str], config: str
) -> None:
    """Not even if it holds files with the names of ours."""
    mine = Path("mine")
    (mine / "checkpoints").mkdir(parents=True)
    (mine / "study.toml").write_text(config, encoding="utf-8")
    (mine / "checkpoints" / "best_model.pt").write_bytes(b"weights of years")
    assert "holds no study but something else" in error(capsys, "search", "tiny.toml", "--dir", "mine")
    assert (mine / "study.toml").read_text("utf-8") == config
    assert (mine / "checkpoints" / "best_model.pt").exists()


def test_a_study_without_its_database_is_left_alone(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (STUDY / "study.db").unlink()
    before = {path: path.read_bytes() for path in STUDY.rglob("*") if path.is_file()}
    assert "holds no study but something else" in error(capsys, "search", "tiny.toml")
    assert {path: path.read_bytes() for path in STUDY.rglob("*") if path.is_file()} == before


def test_foreign_files_in_a_study_are_kept(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = [STUDY / "notes.md", STUDY / "checkpoints" / "mine.safetensors"]
    ours = [STUDY / "checkpoints" / f"{'a' * 12}-s7.safetensors", STUDY / ".front.csv.123.part"]
    for file in mine + ours:
        file.write_bytes(b"x")
    output(capsys, "search", "runs/tiny", "--trials", "7")
    assert all(file.exists() for file in mine)
    assert not any(file.exists() for file in ours)


def test_a_database_without_configuration_is_not_overwritten(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (STUDY / "study.toml").unlink()
    assert "holds study.db but no study.toml" in error(capsys, "search", "tiny.toml")
