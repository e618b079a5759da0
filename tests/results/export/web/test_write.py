"""The export format ``web``: its file, its figures, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest

from results.export.choice import choose
from results.export.folder import export_trial
from results.export.onnx_file import ONNX_FILE
from results.export.source import ExportError
from results.export.web.page import WEB_FILE, write_web
from space.core.errors import InvalidInputError
from space.notation.parse import parse_notation
from tests.support.export_study import make_study
from tests.support.onnx_models import model_of, node
from tests.support.pages import page_of, source_of

SPEC = parse_notation("MgNet[1,1]-4-B^l", in_channels=3, num_classes=3)
CLASSES = ("x", "y", "z")


def test_export_writes_one_page_beside_the_float_network(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study")
    out = tmp_path / "out"
    result = export_trial(study, study.trial(0), out, ["web"])
    assert {path.relative_to(out).as_posix() for path in result.files} == {
        WEB_FILE, "model.onnx", "bench.py", "classify.py", "README.md", "export.json",
    }  # fmt: skip
    assert "one file of" in result.figures["web"]
    assert WEB_FILE in (out / "README.md").read_text(encoding="utf-8")
    text = (out / WEB_FILE).read_text(encoding="utf-8")
    assert "http:" not in text
    assert "https:" not in text
    again = export_trial(study, study.trial(0), out, ["web"])
    assert (again.files, again.gone) == (result.files, ())
    assert (out / WEB_FILE).read_text(encoding="utf-8") == text


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js")
def test_page_is_compared_with_the_network_in_node(tmp_path: Path) -> None:
    assert "largest difference" in page_of(SPEC, tmp_path, CLASSES).line
    (tmp_path / WEB_FILE).unlink()
    (tmp_path / WEB_FILE).parent.rmdir()
    other = parse_notation("MgNet[2,1]-4-B^l", in_channels=3, num_classes=3)
    source = source_of(other, tmp_path / "other.safetensors", CLASSES, (12, 16))
    with pytest.raises(ExportError, match=r"web/index.html does not compute.*nothing was exported"):
        write_web(source, tmp_path)
    assert not (tmp_path / WEB_FILE).exists()


def test_figures_say_that_node_is_missing_or_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs, first, second = tmp_path / "bin", tmp_path / "1", tmp_path / "2"
    for folder in (programs, first, second):
        folder.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    assert "not compared with the trained network: there is no Node.js" in page_of(SPEC, first, CLASSES).line
    (programs / "node").write_text("#!/bin/sh\necho 'SyntaxError: too old' >&2; exit 1\n")
    (programs / "node").chmod(0o755)
    assert "failed: SyntaxError: too old" in page_of(SPEC, second, CLASSES).line


def test_operator_that_the_page_lacks_is_refused(tmp_path: Path) -> None:
    source = source_of(SPEC, tmp_path / "model.safetensors", CLASSES, (12, 16))
    onnx.save(model_of(node("Softplus", "images")), tmp_path / ONNX_FILE)
    with pytest.raises(InvalidInputError, match=r"web is not possible.*operator Softplus"):
        write_web(source, tmp_path)


def test_network_for_other_channels_than_those_of_pictures_is_refused() -> None:
    spec = parse_notation("MgNet[1]-4-B^l", in_channels=2, num_classes=3)
    with pytest.raises(InvalidInputError, match="web is not possible: the network takes 2 channels"):
        choose(["web"], spec)
