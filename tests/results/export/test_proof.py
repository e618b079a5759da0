from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from results.export.folder import export_trial
from results.export.formats import FORMATS, Format, write_safetensors
from results.export.sample import Sample, num_images, random_sample
from results.export.source import ExportError, Source
from results.open import Study
from results.study import StudyReader
from space.core.errors import InvalidInputError
from space.modules import load_weights, save_weights
from space.modules.weights import Classifier
from tests.support.export_study import make_study
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


def labelled(study: StudyReader, most: int, image_size: tuple[int, int]) -> Sample:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (min(most, 70), 10, 14, 1), dtype=np.uint8)
    return Sample(images, np.zeros(len(images), np.int64), "validation images of toy")


def test_proof_states_differences_accuracies_and_latencies(study: Study, tmp_path: Path) -> None:
    result = export_trial(study, study.trial(0), tmp_path / "out", ["onnx", "python"], labelled)
    facts = json.loads((tmp_path / "out" / "export.json").read_text())["proof"]
    assert (facts["images"], facts["num_images"], facts["note"]) == ("validation images of toy", 70, "")
    assert list(facts["formats"]) == ["safetensors", "onnx", "python"]
    for name, proof in facts["formats"].items():
        assert proof["max_difference"] <= proof["limit"]
        assert proof["agreement"] == 1
        assert proof["accuracy"] == facts["accuracy"]
        assert proof["latency_ms"] > 0
        assert proof["runtime"].startswith("onnxruntime" if name == "onnx" else "torch")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "on 70 validation images of toy" in card
    assert result.proofs is not None
    assert result.proofs.accuracy == facts["accuracy"]


def test_images_that_are_not_available_are_replaced_by_random_ones(study: Study, tmp_path: Path) -> None:
    def missing(study: StudyReader, most: int, image_size: tuple[int, int]) -> Sample:
        raise InvalidInputError("there is no folder photos")

    result = export_trial(study, study.trial(0), tmp_path / "out", ["safetensors"], missing)
    assert result.proofs is not None
    assert result.proofs.images == "random images"
    assert result.proofs.note == "the validation images are not available: there is no folder photos"
    assert result.proofs.formats["safetensors"].accuracy is None


def write_changed(source: Source, folder: Path) -> None:
    """Write a file of weights that can be loaded, but whose head differs."""
    write_safetensors(source, folder)
    file = folder / "model.safetensors"
    trained, _ = load_weights(file)
    network = Classifier.load(file).network
    network.head.bias.data += 0.1
    save_weights(file, network, trained)


def write_torn(source: Source, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"torn")


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (write_changed, r"model\.safetensors does not compute .* differ by 0\.1, but at most"),
        (
            write_torn,
            r"model\.safetensors could not be loaded back in a fresh process \(InvalidInputError",
        ),
    ],
)
def test_export_that_does_not_agree_is_not_left_behind(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: object, reason: str
) -> None:
    changed = Format("model.safetensors", write, "mgnas")  # type: ignore[arg-type]
    monkeypatch.setitem(FORMATS, "safetensors", changed)
    with pytest.raises(ExportError, match=reason):
        export_trial(study, study.trial(0), tmp_path / "out", ["safetensors"], labelled)
    assert list(tmp_path.iterdir()) == []


def test_processes_of_exports_without_mgnas_cannot_import_it(study: Study, tmp_path: Path) -> None:
    """A stand-alone file that imports mgnas fails, although the test's environment has it."""

    def write(source: Source, folder: Path) -> None:
        (folder / "model.py").write_text("import mgnas\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FORMATS, "python", Format("model.py", write, "torch", brings=("safetensors",)))
        with pytest.raises(ExportError, match=r"model\.py could not be loaded back .*mgnas"):
            export_trial(study, study.trial(0), tmp_path / "out", ["python"], labelled)


def test_process_that_dies_names_the_format_and_the_signal(study: Study, tmp_path: Path) -> None:
    def write(source: Source, folder: Path) -> None:
        (folder / "model.py").write_text("import os\nos.kill(os.getpid(), 9)\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FORMATS, "python", Format("model.py", write, "torch", brings=("safetensors",)))
        with pytest.raises(ExportError, match=r"^model\.py could not be loaded .* ended by SIGKILL"):
            export_trial(study, study.trial(0), tmp_path / "out", ["onnx", "python"], labelled)


def test_proof_writes_no_bytecode_into_the_export(study: Study, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        export_trial(study, study.trial(0), tmp_path / "out", ["python", "hub"], labelled)
    assert not (tmp_path / "out" / "__pycache__").exists()


def kill_export(study: Study, home: Path, moment: Callable[[], object]) -> None:
    """Export trial 0 in a process of its own, and kill it at a moment before its end."""
    code = f"from results.open import open_study; open_study({str(study.folder)!r}).export(0, 'out')"
    with subprocess.Popen([sys.executable, "-c", code], cwd=home, env={"PYTHONPATH": str(ROOT)}) as killed:
        wait_until(moment, "the moment to kill it", within=killed)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_killed_export_leaves_the_earlier_one_as_it_is(study: Study, tmp_path: Path) -> None:
    export_trial(study, study.trial(0), tmp_path / "out", ["spec"])
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for num_files in (1, 2, 3):
        kill_export(study, tmp_path, lambda n=num_files: len(list(tmp_path.glob(".out.*.part/*"))) >= n)
        assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
        for part in tmp_path.glob(".out.*.part"):
            shutil.rmtree(part)
    kill_export(study, tmp_path, lambda: list(tmp_path.glob(".out.*.part/*")))
    export_trial(study, study.trial(0), tmp_path / "out", ["spec"])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_killed_export_leaves_no_folder_and_the_next_one_cleans_up(study: Study, tmp_path: Path) -> None:
    kill_export(study, tmp_path, lambda: list(tmp_path.glob(".out.*.part/*")))
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.glob(".out.*.part"))
    export_trial(study, study.trial(0), tmp_path / "out", ["spec"])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_number_of_images_falls_with_the_work_and_the_size(study: Study) -> None:
    trained, _ = load_weights(study.folder / "w/0.safetensors")
    assert num_images(trained) == 1000
    assert num_images(trained.model_copy(update={"image_size": (4000, 4000)})) == 8
    assert len(random_sample(trained, "")) == 64


def test_export_works_where_the_study_lies_elsewhere(study: Study, tmp_path: Path) -> None:
    folder = tmp_path / "a stüdy"
    shutil.copytree(study.folder, folder)
    from results.open import open_study

    result = open_study(folder).export(1, tmp_path / "an expört", ["python"])
    assert result.proofs is not None
    assert set(result.proofs.formats) == {"safetensors", "python"}
