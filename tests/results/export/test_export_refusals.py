from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from results.export.choice import choose
from results.export.folder import ExportError, export_trial
from results.export.model_card import model_card
from results.open import Study
from space.core.errors import InvalidInputError
from space.notation.parse import parse_notation
from tests.support.export_study import COLOUR, GREY, make_study

CHEAP = ["spec", "safetensors"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("formats", "reason"),
    [
        (
            ["onxx"],
            "a format must be one of spec, safetensors, onnx, pt2, python, hub, onnx-int8, web, c, but got 'onxx'; "
            "did you mean 'onnx'?",
        ),
        (
            [],
            "no format to export was named; choose from spec, safetensors, onnx, pt2, python, hub, onnx-int8, web, c",
        ),
    ],
)
def test_unknown_formats(study: Study, tmp_path: Path, formats: list[str], reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        export_trial(study, study.trial(0), tmp_path / "out", formats)
    assert str(caught.value) == reason
    assert list(tmp_path.iterdir()) == []


def test_without_its_packages_onnx_is_left_out_or_refused(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    result = export_trial(study, study.trial(0), tmp_path / "out")
    assert result.proofs is not None
    assert "onnx" not in result.proofs.formats
    assert result.skipped == {
        "onnx": "onnx needs onnxscript, not installed here: pip install -e '.[export]' in mgnas's source tree"
    }
    names = {"README.md", "classify.py", "config.json", "export.json", "model.pt2", "model.py"}
    assert {path.name for path in result.files} == names | {"model.safetensors", "spec.json"}
    assert "`model.onnx`: the" not in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(
        InvalidInputError,
        match=r"^the format onnx needs onnxscript, .*'\.\[export\]' in mgnas's source tree$",
    ):
        export_trial(study, study.trial(0), tmp_path / "other", ["spec", "onnx"])
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("number", "reasons"),
    [
        (2, ["weights of trial 2 are not kept", "has weights: trial 1, 0 ", "search.keep_weights=all"]),
        (3, ["trial 3 failed (diverged)", "trial 1, 0 "]),
        (4, ["trial 4: there is no file of weights", "4.safetensors", "--repair', or restore the file"]),
        (5, [GREY.arch, COLOUR.arch, "trial 5", "mgnas search", "--repair"]),
        (7, ["trial 7 has no result yet", "trial 1, 0 "]),
    ],
)
def test_trials_without_a_network(study: Study, tmp_path: Path, number: int, reasons: list[str]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        export_trial(study, study.trial(number), tmp_path / "out", CHEAP)
    assert all(reason in str(caught.value) for reason in reasons)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_only_an_unchanged_earlier_export_is_replaced(study: Study, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    export_trial(study, study.trial(1), out, ["spec"])
    for left in (".out.0123abcd.part", ".out.4567cdef.old", ".out.part", ".other.0123abcd.part"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "left.txt").write_text("by an export that was killed, or by somebody else")
    result = export_trial(study, study.trial(0), out, CHEAP)
    assert GREY.notation in (out / "README.md").read_text(encoding="utf-8")
    assert sorted(contents(out)) == [path.name for path in result.files]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.0123abcd.part", ".out.part", "out"]
    with (out / "README.md").open("a") as file:
        file.write("The licence is mine.")
    before = contents(out)
    with pytest.raises(InvalidInputError, match=r"README\.md was changed after it was exported"):
        export_trial(study, study.trial(1), out, CHEAP)
    assert contents(out) == before


def test_an_export_that_was_killed_while_it_moved_loses_nothing(study: Study, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_trial(study, study.trial(1), out, ["spec"])
    out.rename(tmp_path / ".out.4567cdef.old")
    with pytest.raises(InvalidInputError, match="a format must be one of"):
        export_trial(study, study.trial(0), out, ["onxx"])
    export_trial(study, study.trial(0), out, CHEAP)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert GREY.notation in (out / "README.md").read_text(encoding="utf-8")


def test_two_exports_at_once_are_whole(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, others = tmp_path / "out", [study.trial(1)]

    def card(*arguments: Any) -> str:
        while others:
            export_trial(study, others.pop(), out, ["spec"])  # begins and ends while the first writes
        return model_card(*arguments)

    monkeypatch.setattr("results.export.folder.model_card", card)
    export_trial(study, study.trial(0), out, CHEAP)
    manifest = json.loads((out / "export.json").read_text(encoding="utf-8"))
    assert manifest["trial"] == 0
    assert set(manifest["files"]) | {"export.json"} == set(contents(out))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["notes.txt", "export.json", "README.md", ".hidden"])
def test_a_folder_with_something_else_is_refused(study: Study, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("[]")
    with pytest.raises(InvalidInputError, match=f"holds {name}, which mgnas did not export"):
        export_trial(study, study.trial(0), out, CHEAP)
    assert contents(out) == {name: b"[]"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_and_the_current_folder_are_refused(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidInputError, match="is a file"):
        export_trial(study, study.trial(0), tmp_path / "file", CHEAP)
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InvalidInputError, match="is the current folder"):
        export_trial(study, study.trial(0), Path(), CHEAP)


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["onnx", "pt2"])
def test_a_model_that_computes_something_else_is_not_exported(
    study: Study, tmp_path: Path, format_: str
) -> None:
    export_trial(study, study.trial(0), tmp_path / "out", ["spec"])
    before = contents(tmp_path / "out")
    with pytest.raises(ExportError, match=rf"model\.{format_} does not compute .* differ by nan"):
        export_trial(study, study.trial(6), tmp_path / "out", [format_])
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let every write beyond ``size`` bytes of a file fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("format_", ["safetensors", "pt2"])
def test_a_full_disk_leaves_nothing(study: Study, tmp_path: Path, format_: str) -> None:
    with files_of_at_most(1000), pytest.raises(OSError, match="File too large"):
        export_trial(study, study.trial(0), tmp_path / "out", [format_])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["tflite", "pte"])
def test_documented_format_names_its_script_and_its_page(name: str) -> None:
    reason = rf"mgnas does not write {name}.*convert_export.py EXPORT model.{name}.*docs/how-to/phone.md"
    with pytest.raises(InvalidInputError, match=reason):
        choose([name], parse_notation("MgNet[1]-4-B^l", in_channels=3, num_classes=3))
