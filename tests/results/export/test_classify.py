from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from results.export.folder import ExportResult, export_trial
from results.open import Study, open_study
from space.modules import Classifier, save_weights
from tests.support.export_study import make_study

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def grey(study: Study, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    return export_trial(study, study.trial(0), tmp_path_factory.mktemp("grey") / "out")


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


def classify(folder: Path, *arguments: str | Path, path: Path | None = None) -> Run:
    done = subprocess.run(
        [sys.executable, folder / "classify.py", *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=folder.parent,
        env={"PYTHONPATH": str(path or ROOT), "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"},
    )
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def without_mgnas(tmp_path: Path) -> Path:
    """A folder for the import path in which mgnas and torch fail to import."""
    for name in ("space", "torch"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not here')\n")
    return tmp_path


def random_images(count: int, size: tuple[int, int, int]) -> np.ndarray:
    """Noise of another brightness in every image, so that the network tells them apart."""
    generator = np.random.default_rng(0)
    brightest = generator.integers(1, 256, (count, 1, 1, 1))
    return (generator.random((count, *size)) * brightest).astype(np.uint8)


def lines(result: Run) -> list[list[str]]:
    assert (result.code, result.err) == (0, "")
    return [line.split("\t") for line in result.out.splitlines()]


def test_classify_needs_nothing_but_onnxruntime(grey: ExportResult, without_mgnas: Path) -> None:
    images = random_images(300, (10, 14, 1))
    np.save(without_mgnas / "all.npy", images)
    np.savez(without_mgnas / "more.npz", x_train=images, x_test=images[:2, :, :, 0])
    array, archive = without_mgnas / "all.npy", f"{without_mgnas / 'more.npz'}:x_test"
    found = lines(classify(grey.folder, array, archive, path=without_mgnas))
    classifier = Classifier.load(grey.folder / "model.safetensors")
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    expected = classifier.predict(tensor)
    assert len(set(expected)) > 1
    assert [row[1] for row in found] == expected + expected[:2]
    assert [row[0] for row in found[-3:]] == [f"{array}[299]", f"{archive}[0]", f"{archive}[1]"]
    with torch.no_grad():
        shares = classifier(tensor / 255).softmax(dim=1).amax(dim=1)
    np.testing.assert_allclose([float(row[2]) for row in found[:300]], shares, atol=1e-4)


@pytest.mark.slow
def test_classify_uses_mgnas_without_onnx(study: Study, tmp_path: Path, without_mgnas: Path) -> None:
    export_trial(study, study.trial(1), tmp_path / "out", ["safetensors"])
    (tall,) = random_images(1, (50, 40, 3))
    Image.fromarray(tall).save(tmp_path / "tall.png")
    Image.fromarray(tall[..., 0]).save(tmp_path / "grey.png")
    found = lines(classify(tmp_path / "out", tmp_path / "tall.png", tmp_path / "grey.png"))
    classifier = Classifier.load(study.folder / "w/1.safetensors")
    expected = []
    for name in ("tall.png", "grey.png"):
        with Image.open(tmp_path / name) as image:
            small = np.asarray(image.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR))
        expected += classifier.predict(torch.from_numpy(small.copy()).permute(2, 0, 1)[None])
    assert [row[1] for row in found] == expected
    refused = classify(tmp_path / "out", tmp_path / "tall.png", path=without_mgnas)
    how = "pip install -e . in mgnas's source tree"
    assert refused == Run(2, "", f"model.safetensors needs mgnas, which is not installed: {how}\n")


def test_a_reader_that_has_seen_enough_is_no_error(grey: ExportResult, tmp_path: Path) -> None:
    np.save(tmp_path / "many.npy", random_images(3000, (10, 14, 1)).astype(np.uint8))
    command = f"{sys.executable} {grey.folder / 'classify.py'} many.npy | head -1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, text=True
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_console_that_cannot_show_a_name_gets_an_escape(grey: ExportResult, tmp_path: Path) -> None:
    np.save(tmp_path / "猫.npy", random_images(1, (10, 14, 1)).astype(np.uint8))
    done = subprocess.run(
        [sys.executable, grey.folder / "classify.py", "猫.npy"],
        capture_output=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "cp1252"},
    )
    assert done.stderr == b""
    assert done.stdout.startswith(b"\\u732b.npy")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    images = random_images(2, (10, 14, 1))
    np.save(folder / "float.npy", images / 255)
    np.save(folder / "wide.npy", images.transpose(0, 2, 1, 3))
    np.save(folder / "number.npy", np.uint8(3))
    np.save(folder / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(folder / "two.npz", x=images, y=images)
    (folder / "torn.npz").write_bytes((folder / "two.npz").read_bytes()[:200])
    (folder / "text.png").write_text("not a picture")
    Image.fromarray(images[0, :, :, 0].astype(np.float32)).save(folder / "deep.tif")
    sixteen = Image.fromarray(images[0, :, :, 0].astype(np.uint16) * 256 + 77)
    sixteen.save(folder / "sixteen.png")
    sixteen.save(folder / "sixteen.pgm")  # which Pillow reads as 32 bits
    Image.fromarray(images[0, :, :, 0]).save(folder / "eight.png")
    return folder


@pytest.mark.parametrize("name", ["sixteen.png", "sixteen.pgm"])
def test_of_sixteen_bits_the_upper_ones_count(grey: ExportResult, inputs: Path, name: str) -> None:
    result = classify(grey.folder, inputs / name, inputs / "eight.png")
    assert result.code == 0
    sixteen, eight = (line.split("\t")[1:] for line in result.out.splitlines())
    assert sixteen == eight


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("gone.png", "there is no file"),
        (
            "float.npy",
            "images must be uint8 N H W C (or N H W) with H W C = 10 14 1, but got float64 2 10 14 1",
        ),
        ("wide.npy", "but got uint8 2 14 10 1"),
        ("number.npy", "but got uint8 without a dimension"),
        ("objects.npy", "cannot be read as an array (Object arrays cannot be loaded"),
        ("two.npz", "name one of its arrays as two.npz:NAME; it has x, y"),
        ("two.npz:z", "it has x, y"),
        ("torn.npz", "cannot be read as an array"),
        ("text.png", "cannot be read as an image"),
        ("deep.tif", "has more than 16 bits a channel"),
    ],
)
def test_a_wrong_input_is_one_line(grey: ExportResult, inputs: Path, argument: str, reason: str) -> None:
    result = classify(grey.folder, inputs / argument)
    assert (result.code, result.out) == (2, "")
    assert reason in result.err
    assert result.err.startswith(str(inputs / argument.partition(":")[0])) or argument == "gone.png"
    assert result.err.count("\n") == 1


def test_what_can_be_classified_is_although_another_cannot(grey: ExportResult, inputs: Path) -> None:
    both = classify(grey.folder, inputs / "text.png", inputs / "two.npz:x", inputs / "gone.png")
    assert both.code == 2
    assert both.out == classify(grey.folder, inputs / "two.npz:x").out != ""
    assert both.err.count("\n") == 2


@pytest.mark.slow
def test_no_argument_and_no_model_are_one_line(grey: ExportResult, tmp_path: Path) -> None:
    assert classify(grey.folder).err.startswith("usage: python classify.py IMAGE.png")
    assert classify(grey.folder, "--help").out.startswith("Classify images")
    script = (grey.folder / "classify.py").read_bytes()
    (tmp_path / "classify.py").write_bytes(script)
    assert "has neither model.onnx nor model.safetensors" in classify(tmp_path, "a.png").err
    for name in ("model.onnx", "model.safetensors"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "classify.py").write_bytes(script)
        (folder / name).write_bytes(b"damaged")
        result = classify(folder, "a.png")
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "damaged" in result.err


def with_ir_version(export: ExportResult, folder: Path, version: int, needed: str | None) -> Path:
    """Copy an export with another IR version in its model, and another onnxruntime that it requires."""
    shutil.copytree(export.folder, folder)
    model = onnx.load(folder / "model.onnx")
    model.ir_version = version
    onnx.save(model, folder / "model.onnx")
    facts = json.loads((folder / "export.json").read_text())
    facts["requires"] = {} if needed is None else {"onnxruntime": needed}
    (folder / "export.json").write_text(json.dumps(facts))
    return folder


@pytest.mark.parametrize(
    ("needed", "reason"),
    [
        ("99.0", f"needs onnxruntime >= 99.0, but {onnxruntime.__version__} is installed: pip install"),
        ("1.14", f"needs a newer onnxruntime than {onnxruntime.__version__} ("),
        (None, f"needs a newer onnxruntime than {onnxruntime.__version__} ("),
    ],
)
def test_a_model_that_onnxruntime_is_too_old_for_is_not_called_damaged(
    grey: ExportResult, tmp_path: Path, needed: str | None, reason: str
) -> None:
    folder = with_ir_version(grey, tmp_path / "out", 99, needed)
    np.save(tmp_path / "one.npy", random_images(1, (10, 14, 1)))
    result = classify(folder, "one.npy")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert reason in result.err
    assert "damaged" not in result.err


def test_names_with_tabs_and_line_breaks_keep_one_line_an_image(study: Study, tmp_path: Path) -> None:
    odd = ("tab\there", "line\nbreak", "para\u2029graph", "sí")
    path = study.folder / "w/0.safetensors"
    classifier = Classifier.load(path)
    trained = classifier.trained.model_copy(update={"classes": odd})
    (tmp_path / "w").mkdir()
    save_weights(tmp_path / "w/0.safetensors", classifier.network, trained)
    images = random_images(300, (10, 14, 1))
    for name in ("study.toml", "study.db"):
        shutil.copy(study.folder / name, tmp_path / name)
    export = open_study(tmp_path).export(0)
    array = tmp_path / "two\nlines.npy"
    np.save(array, images)
    rows = lines(classify(export.folder, array))
    assert len(rows) == 300
    assert {len(row) for row in rows} == {3}
    assert rows[1][0] == f"{tmp_path}/two\\nlines.npy[1]"
    expected = classifier.predict(torch.from_numpy(images).permute(0, 3, 1, 2))
    texts = ("tab\\there", "line\\nbreak", "para\\u2029graph", "sí")
    escaped = dict(zip(classifier.trained.classes, texts, strict=True))
    assert [row[1] for row in rows] == [escaped[name] for name in expected]


def test_folder_stands_for_the_images_in_it(grey: ExportResult, tmp_path: Path) -> None:
    for name in ("b.png", "deeper/a.JPG", ".hidden/c.png", "__MACOSX/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(random_images(1, (10, 14, 1))[0, ..., 0]).save(tmp_path / name)
    (tmp_path / "damaged.png").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("no image either")
    run = classify(grey.folder, tmp_path)
    assert [line.split("\t")[0] for line in run.out.splitlines()] == [
        str(tmp_path / name) for name in ("b.png", "deeper/a.JPG")
    ]
    assert run.code == 2
    assert run.err.startswith(f"{tmp_path / 'damaged.png'} cannot be read as an image")
    (tmp_path / "empty").mkdir()
    assert "holds no images" in classify(grey.folder, tmp_path / "empty").err


def test_script_takes_the_image_files_that_a_search_takes() -> None:
    from results.export.snippets import classify as script
    from trainers.data.image_folder import SUFFIXES

    assert script.PICTURES == SUFFIXES
