from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from results.export.folder import export_trial
from search.cli.predict import Rate
from space.modules import Classifier
from tests.support.command_line import mgnas
from tests.support.export_study import CLASSES, make_study


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    study = make_study(folder)
    return export_trial(study, study.trial(0), folder / "an expört", ["safetensors", "onnx", "pt2"]).folder


@pytest.fixture(scope="module")
def arrays() -> np.ndarray:
    generator = np.random.default_rng(0)
    return (generator.random((300, 10, 14)) * generator.integers(1, 256, (300, 1, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def probabilities(export: Path, arrays: np.ndarray) -> np.ndarray:
    found: np.ndarray = Classifier.load(export).probabilities(torch.from_numpy(arrays)[:, None]).numpy()
    return found


@pytest.fixture(scope="module")
def archive(arrays: np.ndarray, probabilities: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All labels are right but that of the first image."""
    labels = probabilities.argmax(axis=1)
    labels[0] = (labels[0] + 1) % len(CLASSES)
    path = tmp_path_factory.mktemp("images") / "all.npz"
    np.savez(path, x_test=arrays, y_test=labels)
    return path


@pytest.mark.parametrize(
    ("file", "backend"),
    [
        ("", "onnxruntime"),
        ("", "torch"),
        ("model.onnx", None),
        ("model.safetensors", None),
        ("model.pt2", None),
    ],
)
def test_predict_gives_the_probabilities_of_the_network(
    export: Path, archive: Path, probabilities: np.ndarray, tmp_path: Path, file: str, backend: str | None
) -> None:
    options = [] if backend is None else ["--backend", backend]
    done = mgnas("predict", export / file, archive, "--json", "--top", 9, *options, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["classes"] == list(CLASSES)
    assert len(document["images"]) == 300
    for row, one in zip(probabilities, document["images"], strict=True):
        assert one["class"] == CLASSES[row.argmax()]
        by_class = {entry["class"]: entry["probability"] for entry in one["top"]}
        np.testing.assert_allclose([by_class[name] for name in CLASSES], row, atol=1e-4)
    evaluation = document["evaluation"]
    assert evaluation["accuracy"] == pytest.approx(299 / 300)
    assert sum(map(sum, evaluation["confusion"])) == evaluation["images"] == 300
    assert sum(row[place] for place, row in enumerate(evaluation["confusion"])) == 299


def test_table_ends_with_accuracy_and_confusion_matrix(export: Path, archive: Path, tmp_path: Path) -> None:
    done = mgnas("predict", export, archive, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["class", "probability", "image"]
    assert "(label " in lines[1]
    assert "(label " not in lines[2]
    assert "accuracy 99.67 % of 300 images with a label" in lines
    assert any(line.startswith("confusion matrix") for line in lines)


def test_csv_has_a_row_for_each_image(export: Path, archive: Path, tmp_path: Path) -> None:
    done = mgnas("predict", export, archive, "--csv", "--top", 2, "-o", "out.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "accuracy 99.67 %" in done.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text(encoding="utf-8"))))
    assert list(rows[0]) == ["image", "label", "class", "probability", "class_2", "probability_2"]
    assert len(rows) == 300
    assert float(rows[0]["probability"]) >= float(rows[0]["probability_2"])


def test_bad_images_are_named_and_skipped_with_exit_code_1(export: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos" / CLASSES[1]
    folder.mkdir(parents=True)
    Image.new("L", (30, 20), 90).save(folder / "good.png")
    (folder / "bad.png").write_bytes(b"no image")
    done = mgnas("predict", export, "photos", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "bad.png is no image that can be read" in done.stderr
    assert "1 skipped, 1 classified" in done.stderr
    document = json.loads(done.stdout)
    assert [one["label"] for one in document["images"]] == [CLASSES[1]]
    assert [Path(one["image"]).name for one in document["skipped"]] == ["bad.png"]


def test_nothing_readable_is_exit_code_2_and_leaves_an_earlier_output(export: Path, tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("earlier")
    done = mgnas("predict", export, "gone.png", "--json", "-o", "out.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("mgnas: none of the images could be read")
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert (tmp_path / "out.json").read_text() == "earlier"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["gone", "a.png"], "there is no export gone"),
        ([".", "a.png"], "holds no exported network"),
        (["notes.txt", "a.png"], "is no exported network"),
        (["bad.onnx", "a.png"], "is damaged or was not exported by mgnas"),
        (["bad.pt2", "a.png"], "is damaged or was not exported by mgnas"),
        (["bad.safetensors", "a.png"], "is not a safetensors file or is damaged"),
        (["EXPORT", "a.png", "--top", "0"], "--top must be at least 1, but got 0"),
        (["EXPORT", "a.png", "--json", "--csv"], "exclude each other"),
        (["EXPORT", "a.png", "--backend", "jax"], "--backend must be onnxruntime or torch, but got 'jax'"),
        (["EXPORT/model.onnx", "a.png", "--backend", "torch"], "torch cannot run model.onnx"),
        (["EXPORT", "a.png", "-o", "."], "is a folder; name a file"),
    ],
)
def test_wrong_arguments_are_one_line(
    export: Path, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    for name in ("notes.txt", "bad.onnx", "bad.pt2", "bad.safetensors"):
        (tmp_path / name).write_bytes(b"damaged")
    done = mgnas("predict", *(one.replace("EXPORT", str(export)) for one in arguments), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_plugin_outside_the_export_is_not_run(export: Path, archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    shutil.copy(export / "model.safetensors", folder)
    (tmp_path / "other.py").write_text("raise SystemExit('it ran')\n")
    (folder / "export.json").write_text(json.dumps({"plugins": ["../other.py"]}))
    done = mgnas("predict", folder, archive, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "names the plugin '../other.py', which lies outside the export" in done.stderr


def test_rate_is_written_while_many_images_are_classified(
    export: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rate, "EVERY_S", 0.0)
    done = mgnas("predict", export, archive, "--csv", cwd=tmp_path)
    assert "300 classified, " in done.stderr
    assert " images/s" in done.stderr


@pytest.mark.slow
def test_without_torch_onnxruntime_runs_the_network(export: Path, archive: Path, tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules["torch"] = None
from search.cli.main import main
sys.argv = ["mgnas", "predict", {str(export)!r}, {str(archive)!r}, "--json"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert json.loads(done.stdout)["backend"] == "onnxruntime"


def test_without_onnxruntime_torch_runs_the_network(
    export: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = mgnas("predict", export, archive, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["backend"] == "torch"
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(export / "model.onnx", alone)
    refused = mgnas("predict", alone, archive, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "needs onnxruntime, which is not installed: pip install onnxruntime" in refused.stderr
