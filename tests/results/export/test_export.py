from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from results.export.choice import DEFAULT_FORMATS
from results.export.folder import ExportResult, export_trial
from results.export.formats import FORMATS
from results.open import Study
from space.modules import Classifier, build, load_weights
from space.networks.load import read_spec
from tests.support.export_study import CLASSES, GREY, make_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def grey(study: Study, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    return export_trial(study, study.trial(0), tmp_path_factory.mktemp("grey") / "new" / "out")


def test_the_default_export_is_complete(study: Study, grey: ExportResult) -> None:
    names = {"README.md", "bench.py", "classify.py", "export.json"} | {
        FORMATS[name].file for name in DEFAULT_FORMATS
    }
    assert {path.name for path in grey.files} == names
    assert {path.name for path in grey.folder.iterdir()} == names
    assert [path.name for path in grey.folder.parent.iterdir()] == ["out"]
    assert grey.skipped == {}
    assert grey.proofs is not None
    assert list(grey.proofs.formats) == [name for name in DEFAULT_FORMATS if name != "spec"]
    assert all(proof.max_difference < 1e-5 for proof in grey.proofs.formats.values())
    assert read_spec(str(grey.folder / "spec.json")) == GREY
    facts = json.loads((grey.folder / "export.json").read_text())
    assert facts["trial"] == 0
    assert facts["arch"] == GREY.arch
    ours, theirs = (
        load_weights(p) for p in (grey.folder / "model.safetensors", study.folder / "w/0.safetensors")
    )
    assert ours[0] == theirs[0]
    assert all(torch.equal(ours[1][name], tensor) for name, tensor in theirs[1].items())


def test_the_onnx_model_takes_plain_pixels_in_any_number(grey: ExportResult) -> None:
    session = onnxruntime.InferenceSession(grey.folder / "model.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", 1, 10, 14]
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["notation"] == GREY.notation
    assert json.loads(facts["classes"]) == list(CLASSES)
    data = (grey.folder / "model.onnx").read_bytes()
    assert not any(t.external_data for t in onnx.load_from_string(data).graph.initializer)
    assert b".py" not in data
    trained, weights = load_weights(grey.folder / "model.safetensors")
    network = build(GREY).eval()
    network.load_state_dict(weights)
    for count in (1, 5, 300):
        images = torch.rand(count, 1, 10, 14)
        with torch.no_grad():
            expected = network((images - trained.mean[0]) / trained.std[0]).numpy()
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)


def test_the_onnx_model_has_the_lowest_ir_version_of_its_opset(grey: ExportResult) -> None:
    model = onnx.load(grey.folder / "model.onnx")
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 18)]
    assert model.ir_version == 8  # onnxruntime 1.14 has both: its table of versions
    assert json.loads((grey.folder / "export.json").read_text())["requires"] == {"onnxruntime": "1.14"}
    card = (grey.folder / "README.md").read_text(encoding="utf-8")
    assert "With ONNX Runtime 1.14 or later" in card
    assert "ONNX Runtime >= 1.14" in card


def test_nothing_reaches_the_terminal(
    study: Study, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = export_trial(study, study.trial(1), tmp_path / "out", ["onnx"])
    assert capfd.readouterr() == ("", "")
    assert result.proofs is not None
    session = onnxruntime.InferenceSession(
        tmp_path / "out" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    assert session.get_inputs()[0].shape == ["batch", 3, 32, 32]


@pytest.mark.slow
def test_pt2_runs_without_mgnas_and_its_card_says_how(study: Study, tmp_path: Path) -> None:
    result = export_trial(study, study.trial(1), tmp_path / "out", ["pt2", "spec", "pt2"])
    names = ["README.md", "classify.py", "export.json", "model.pt2", "spec.json"]
    assert [path.name for path in result.files] == names
    program = torch.export.load(tmp_path / "out" / "model.pt2").module()
    classifier = Classifier.load(study.folder / "w/1.safetensors")
    images = torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(program(images), classifier(images))
    assert run_snippets(tmp_path / "out") == [classifier.predict(torch.zeros(2, 3, 32, 32))]


def test_what_is_gone_of_an_earlier_export_is_told(study: Study, tmp_path: Path) -> None:
    first = export_trial(study, study.trial(1), tmp_path / "out", ["pt2", "spec"])
    assert first.gone == ()
    again = export_trial(study, study.trial(1), tmp_path / "out", ["spec"])
    assert again.gone == ("classify.py", "model.pt2")
    assert not (tmp_path / "out" / "model.pt2").exists()


@contextlib.contextmanager
def import_from(folder: Path) -> Iterator[None]:
    """Import model.py of a folder, as a script in that folder does."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("model", None)


def run_snippets(folder: Path) -> list[list[str]]:
    blocks = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    printed = []
    with contextlib.chdir(folder), import_from(folder):
        for block in blocks:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(block, {})
            printed.append(json.loads(out.getvalue().replace("'", '"')))
    return printed


def test_the_model_card_tells_what_the_network_is_and_runs(grey: ExportResult) -> None:
    card = (grey.folder / "README.md").read_text(encoding="utf-8")
    for fact in (
        GREY.notation,
        GREY.arch,
        f"{GREY.params:,}",
        f"{GREY.macs((10, 14)):,} at 10 x 14",
        "81.25 % on the **validation** split of 64 images (95 % interval 70.03 to 88.94 %)",
        "among 6 finished trials",
        "The test split was not used",
        "3 epochs on the training split of `toy` with seed 7",
        "| lr | `0.2` |",
        "(0.4)",
        "includes the normalisation",
        json.dumps(CLASSES, ensure_ascii=False),
        "With mgnas installed (from its source tree: `pip install -e .`)",
        "## Licence",
    ):
        assert fact in card
    assert "pip install mgnas" not in card
    predicted = Classifier.load(grey.folder / "model.safetensors").predict(torch.zeros(2, 1, 10, 14))
    assert run_snippets(grey.folder) == [predicted] * 4


@pytest.mark.parametrize("number", range(8))
def test_a_spec_needs_no_weights(study: Study, tmp_path: Path, number: int) -> None:
    result = export_trial(study, study.trial(number), tmp_path / "out", ["spec"])
    assert [path.name for path in result.files] == ["README.md", "export.json", "spec.json"]
    assert read_spec(str(tmp_path / "out" / "spec.json")).arch == study.trial(number).arch
    assert "without trained weights" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_importing_the_exporter_is_light() -> None:
    heavy = "{'torch', 'onnx', 'onnxruntime', 'pandas', 'trainers', 'search'}"
    code = f"import sys, results.export.folder; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_spec_alone_imports_no_torch(study: Study, tmp_path: Path) -> None:
    code = (
        "import sys; from results.open import open_study; "
        f"open_study({str(study.folder)!r}).export(0, {str(tmp_path / 'out')!r}, ['spec']); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_bench_measures_the_exported_network_without_mgnas(grey: ExportResult, tmp_path: Path) -> None:
    command = [sys.executable, "-I", grey.folder / "bench.py", grey.folder / "model.onnx", "--seconds", "0.1"]
    found = json.loads(subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout)
    assert 0 < found["latency_ms"] <= found["latency_p95_ms"]
    assert found["runs"] >= 20
    assert found["peak_ram_bytes"] > 2**20
