"""The contract of every export format that is loaded back: one conformance suite."""

from __future__ import annotations

import hashlib
import json
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from results.export.choice import DEFAULT_FORMATS
from results.export.folder import ExportResult, export_trial
from results.export.formats import FORMATS
from results.export.proof import TOLERANCE
from results.open import Study
from space.core.errors import InvalidInputError
from space.modules import Classifier
from tests.support.export_study import GREY, SIZES, make_study


def run_onnx(file: Path, images: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["logits"], {"images": images.numpy()})[0])


FILES: dict[str, str] = {
    "spec": "spec.json",
    "safetensors": "model.safetensors",
    "onnx": "model.onnx",
    "pt2": "model.pt2",
    "python": "model.py",
    "hub": "config.json",
}


def run_python(file: Path, images: Tensor) -> Tensor:
    return runpy.run_path(str(file))["load"](file.parent)(images)


RUNNERS: dict[str, Callable[[Path, Tensor], Tensor]] = {
    "safetensors": lambda file, images: Classifier.load(file)(images),
    "onnx": run_onnx,
    "pt2": lambda file, images: torch.export.load(file).module()(images),
    "python": run_python,
    "hub": lambda file, images: run_python(file.parent / "model.py", images),
}
"""How a user runs each format that can run."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module", params=DEFAULT_FORMATS)
def exported(
    request: pytest.FixtureRequest, study: Study, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, ExportResult]:
    folder = tmp_path_factory.mktemp(request.param) / "out"
    return request.param, export_trial(study, study.trial(0), folder, [request.param])


def test_suite_covers_every_format() -> None:
    assert set(FILES) == set(DEFAULT_FORMATS)


def test_format_writes_its_file_and_a_model_card_alone(exported: tuple[str, ExportResult]) -> None:
    name, result = exported
    found = {path.name for path in result.folder.iterdir()}
    brought = {FILES[other] for other in FORMATS[name].brings}
    assert found - {"bench.py", "classify.py"} - brought == {FILES[name], "README.md", "export.json"}
    assert {path.name for path in result.files} == found
    assert FILES[name] in (result.folder / "README.md").read_text(encoding="utf-8")


def test_format_lists_its_file_with_its_digest(exported: tuple[str, ExportResult]) -> None:
    name, result = exported
    text = (result.folder / "export.json").read_text(encoding="utf-8")
    assert json.loads(text)["arch"] == GREY.arch
    assert hashlib.sha256((result.folder / FILES[name]).read_bytes()).hexdigest() in text


@pytest.mark.parametrize("batch", [1, 5])
def test_format_computes_the_logits_of_the_trained_network(
    exported: tuple[str, ExportResult], study: Study, batch: int
) -> None:
    name, result = exported
    if name == "spec":  # an architecture without weights computes nothing
        assert not (result.folder / "classify.py").exists()
        return
    images = torch.rand(batch, GREY.in_channels, *SIZES[GREY.in_channels])
    with torch.no_grad():
        expected = Classifier.load(study.folder / str(study.trial(0).weights))(images)
        logits = RUNNERS[name](result.folder / FILES[name], images)
    np.testing.assert_allclose(logits.numpy(), expected.numpy(), atol=TOLERANCE, rtol=0)


def test_format_holds_no_path_of_this_machine(exported: tuple[str, ExportResult], study: Study) -> None:
    _, result = exported
    for path in result.files:
        assert str(study.folder).encode() not in path.read_bytes()
        assert str(Path(__file__).parents[3]).encode() not in path.read_bytes()


def test_format_is_written_again_over_its_earlier_export(
    exported: tuple[str, ExportResult], study: Study
) -> None:
    name, result = exported
    again = export_trial(study, study.trial(0), result.folder, [name])
    assert again.files == result.files
    assert again.gone == ()


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "spec"])
def test_format_refuses_a_trial_without_weights_and_writes_nothing(
    study: Study, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidInputError, match="weights"):
        export_trial(study, study.trial(2), tmp_path / "out", [name])
    assert list(tmp_path.iterdir()) == []
