"""The benchmarks run. Their results depend on the machine and are checked only roughly."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import (
    cached_logits,
    cifar10,
    counting,
    front_algorithms,
    paper_claims,
    record_table,
    search,
    small_recipe,
    trainer,
)
from benchmarks.augmentation import noise_images
from search.simulator.simulation import simulate
from search.simulator.tabular_benchmark import SHIPPED, TabularBenchmark
from tests.support.waiting import MOST_S
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data
from trainers.device.calibration import Calibration

MODULES = [
    path.stem
    for path in sorted(Path(search.__file__).parent.glob("*.py"))
    if "\ndef main(" in path.read_text(encoding="utf-8")
]
SEARCHES = ["frontier:fifo", "optuna default", "optuna random", "random:asha"]


def searched(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    search.main(["--json", "--no-decisions", "--seeds", "2", *arguments])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["runs"]
    return found


@pytest.mark.slow
def test_searches_are_compared_on_a_table_that_comes_with_mgnas(capsys: pytest.CaptureFixture[str]) -> None:
    found = searched(capsys, "--problems", "digits8", "--workers", "1", "--searches", *SEARCHES)
    run = found["digits8, 1 worker"]
    assert list(run["searches"]) == SEARCHES
    assert all(one["seeds"] == 2 and one["trials"] > 4 for one in run["searches"].values())
    assert run["ours_over_theirs_to_95"]["frontier:fifo"]["ratio"] == 1.0


@pytest.mark.slow
def test_and_on_a_table_of_ones_own_with_other_seeds(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = tmp_path / "own.jsonl"
    table.write_bytes(SHIPPED["grey16"].read_bytes())
    arguments = ["--problems", str(table), "--workers", "4", "--searches", "random", "optuna nsga2"]
    arguments += ["--seconds", "60"]
    first = searched(capsys, *arguments)[f"{table}, 4 workers"]["searches"]
    others = searched(capsys, *arguments, "--first-seed", "100")[f"{table}, 4 workers"]["searches"]
    for name in ("random", "optuna nsga2"):
        assert first[name]["curve"] != others[name]["curve"]
        assert first[name]["limit_s"] == first[name]["curve"][-1][0] == 60.0


TINY = """
name = "tiny"
data = { source = "digits" }
space = { levels = 1, nu = 1, c_u = [2, 3], c_f = "c_u" }
train = { epochs = 2 }
"""


@pytest.mark.slow
def test_a_table_of_ones_own_is_recorded_and_searched(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    study, table = tmp_path / "tiny.toml", tmp_path / "own.jsonl"
    study.write_text(TINY, encoding="utf-8")
    arguments = ["record_table", str(study), "--to", str(table), "--processes", "1"]
    monkeypatch.setattr(sys, "argv", arguments)
    record_table.main()
    assert capsys.readouterr().out == "4 trainings of 4\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.jsonl", "tiny.toml"]
    found = TabularBenchmark.read(table)
    assert len(found.outcomes()) == 2
    assert {row.seed for row in found.rows} == {0, 1}
    assert all(len(row.val_accuracy) == 2 and row.expected_accuracy is None for row in found.rows)
    assert simulate(found, "frontier").records[-1].state == "complete"
    for wrong, said in (
        (arguments[:2], "--to goes with a study"),
        (["record_table", "digits8", *arguments[2:]], "digits8 is a table"),
        ([*arguments, "--seeds", "0"], "--seeds must be at least 1"),
    ):
        monkeypatch.setattr(sys, "argv", wrong)
        with pytest.raises(SystemExit):
            record_table.main()
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--problems", "nope"], "there is no table nope"),
        (["--searches", "nope"], "'optuna default'"),
        (["--seeds", "1"], "--seeds must be at least 2"),
        (["--workers", "0"], "must be at least 1"),
        (["--first-seed", "3", "--write"], "from seed 0 on"),
        (["--seconds", "20", "--write"], "in their usual time"),
        (["--seconds", "0"], "--seconds must be a number above 0"),
    ],
)
def test_wrong_values_are_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        search.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", MODULES)
def test_every_command_has_help(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main = importlib.import_module(f"benchmarks.{name}").main
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_networks_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    counting.main(["--specs", "5", "--repeats", "2", "--json"])
    assert json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_a_network_is_trained_by_the_plain_loop_and_by_ours(tmp_path: Path) -> None:
    digits = load_search_data(DataConfig(val_fraction=0.3))
    found = trainer.speed(trainer.DIGITS, digits, Calibration(torch.device("cpu"), tmp_path), 1)
    assert min(found["images_per_s"][who]["median"] for who in ("plain", "mgnas")) > 0


@pytest.fixture
def cifar10_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = {
        f"{kind}_{part}": rng.integers(0, most, shape, dtype=np.uint8)
        for part, number in (("train", 300), ("test", 50))
        for kind, most, shape in (("x", 256, (number, 32, 32, 3)), ("y", 10, (number,)))
    }
    return arrays | {"classes": np.array([f"class {number}" for number in range(10)])}


def test_recipes_of_small_networks_are_compared_on_validation_and_continue_after_a_stop(
    tmp_path: Path, cifar10_arrays: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    """The archive has no test split: whoever reads it fails."""
    file, out = tmp_path / "cifar10.npz", tmp_path / "rows.jsonl"
    np.savez(file, **{key: value for key, value in cifar10_arrays.items() if "test" not in key})
    arguments = ["--data", str(file), "--out", str(out), "--device", "cpu", "--epochs", "1", "--size", "16"]
    arguments += ["--batch-size", "32", "--train-images", "64", "--val-images", "60", "--networks", "10k"]
    small_recipe.main([*arguments, "--seeds", "1", "--variants", "base"])
    before = out.read_text(encoding="utf-8")
    small_recipe.main([*arguments, "--seeds", "2", "--variants", "base", "mixup"])
    assert out.read_text(encoding="utf-8").startswith(before)
    rows = small_recipe.read_rows(out)
    assert [(row["variant"], row["seed"]) for row in rows] == [
        ("base", 0),
        ("mixup", 0),
        ("base", 1),
        ("mixup", 1),
    ]
    assert rows[1]["recipe"]["mixup"] == 0.2
    assert "| 10k | mixup | 2 |" in capsys.readouterr().out


@pytest.mark.slow
def test_small_networks_are_taught_by_a_larger_one_that_is_trained_first(
    tmp_path: Path, cifar10_arrays: dict[str, np.ndarray]
) -> None:
    file, out = tmp_path / "cifar10.npz", tmp_path / "rows.jsonl"
    np.savez(file, **cifar10_arrays)
    arguments = ["--data", str(file), "--out", str(out), "--device", "cpu", "--epochs", "1"]
    arguments += ["--batch-size", "32", "--train-images", "64", "--val-images", "60", "--networks", "10k"]
    variants = ["distillation", "longer", "distillation, weight 0.5"]
    small_recipe.main([*arguments, "--seeds", "1", "--variants", *variants])
    rows = small_recipe.read_rows(out)
    assert [(row["network"], row["variant"]) for row in rows] == [
        ("200k", "base"),
        ("10k", "distillation"),
        ("10k", "longer"),
        ("10k", "distillation, weight 0.5"),
    ]
    assert len(rows[1]["recipe"]["teacher"]) == 16
    assert rows[2]["epochs"] == 2
    assert rows[3]["recipe"] == rows[1]["recipe"] | {"distill_weight": 0.5}
    (weights,) = tmp_path.glob("*.teacher.safetensors")
    content = weights.read_bytes()
    weights.unlink()
    small_recipe.main([*arguments, "--seeds", "1", "--variants", "distillation, weight 1"])
    assert weights.read_bytes() == content
    assert small_recipe.read_rows(out)[-1]["recipe"]["distill_weight"] == 1.0


@pytest.mark.slow
def test_cached_logits_are_compared_with_those_of_each_step(tmp_path: Path) -> None:
    data = noise_images(8, 8, torch.device("cpu"))
    found = cached_logits.compare(data, cached_logits.BASE.replaced({"flip": True}), 1, tmp_path)
    assert found["largest difference of losses"] == pytest.approx(0.0, abs=1e-4)
    assert found["ms per step, cached"]["n"] == found["ms per step, each step"]["n"] == 1


RUN = ["--device", "cpu", "--val-images", "60", "--run", "ResNet[1]-4@1", "--set", "train.lr=0.05"]


def test_cifar10_holds_validation_images_out_and_leaves_the_test_split_closed(
    tmp_path: Path, cifar10_arrays: dict[str, np.ndarray]
) -> None:
    """The archive has no test split: whoever reads it fails."""
    file, out = tmp_path / "cifar10.npz", tmp_path / "out.jsonl"
    np.savez(file, **{key: value for key, value in cifar10_arrays.items() if "test" not in key})
    cifar10.main(["--data", str(file), "--out", str(out), *RUN])
    line = json.loads(out.read_text(encoding="utf-8"))
    assert (line["network"], line["epochs"], line["recipe"]["lr"]) == ("ResNet[1]-4", 1, 0.05)
    assert (line["split"], line["train_images"], line["recipe_tuned_on"]) == ("validation", 240, "test")
    with pytest.raises(KeyError, match="x_test"):
        cifar10.main(["--data", str(file), "--out", str(out), "--test", *RUN])


def test_cifar10_opens_the_test_split_once_and_says_so(
    tmp_path: Path, cifar10_arrays: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    """Test images of one class, which the network takes for one class: right or wrong as a whole."""
    file, out = tmp_path / "cifar10.npz", tmp_path / "out.jsonl"
    arrays = cifar10_arrays | {"x_test": np.repeat(cifar10_arrays["x_test"][:1], 50, axis=0)}
    np.savez(file, **arrays | {"y_test": np.zeros(50, dtype=np.uint8)})
    for before in (0, 1):
        cifar10.main(["--data", str(file), "--out", str(out), "--test", *RUN])
        printed = capsys.readouterr().out
        assert f"opens the test split, once after each of 1 trainings; {out} has {before} rows" in printed
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(row["split"], row["curve_split"], row["train_images"]) for row in rows] == [
        ("test", "train", 300)
    ] * 2
    assert all(row["accuracy"] in (0.0, 1.0) for row in rows)
    assert all(0.0 < row["curve"][-1] < 1.0 for row in rows)


def test_committed_figures_of_cifar10_name_the_split_that_judged_them() -> None:
    lines = cifar10.RESULTS.read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["split"] for line in lines} <= {"validation", "test"}


@pytest.mark.slow
def test_a_workers_memory_is_measured() -> None:
    """Of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.worker", "--trainings", "12", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=MOST_S)
    found = json.loads(ended.stdout)
    assert found["trainings"] == 12
    assert found["memory_mib"]["most"] >= found["memory_mib"]["after_10"]


def test_front_algorithms_agree_on_small_fronts(capsys: pytest.CaptureFixture[str]) -> None:
    front_algorithms.main(["--objectives", "2", "3", "4", "--most", "10", "--repeats", "2", "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["task"] for row in rows} == {
        "hypervolume",
        "nondominated",
        "nondominated sorting",
        "attainment",
    }
    assert all(row["n"] == 2 for row in rows)


def test_claims_of_the_papers_are_differences_of_pairs_with_student_intervals() -> None:
    mean, low, high = paper_claims.difference([3.0, 5.0, 4.0], [1.0, 2.0, 3.0])
    assert mean == pytest.approx(2.0)
    assert high - mean == pytest.approx(mean - low) == pytest.approx(4.3027 * 1 / 3**0.5, abs=1e-3)
    trainings = {
        paper_claims.NETWORKS["A^l, B^l"]: paper_claims.Trainings(10, 100, {0: 80.0, 1: 82.0, 2: 70.0}),
        paper_claims.NETWORKS["A^{l,i}, B^l"]: paper_claims.Trainings(20, 100, {0: 79.0, 1: 80.0}),
    }
    text = paper_claims.tables(trainings)
    assert "| shared A, shared B: A^l, B^l minus A^{l,i}, B^l | +1.50 | -4.85 to +7.85 | 2 |" in text
    assert text.count("minus") == 1
