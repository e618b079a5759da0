"""The export format ``c``: its files, its figures, and what it refuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from results.export.choice import choose
from results.export.firmware.write import read_figures
from results.export.folder import export_trial
from results.export.sample import Sample
from results.export.source import ExportError
from results.open import Study
from results.study import StudyReader
from space.core.errors import InvalidInputError
from space.notation.parse import parse_notation
from tests.support.export_study import GREY, SIZES, make_study
from tests.support.firmware import COMPILER, compiled

FILES = {"README.md", "example.h", "figures.json", "firmware.ino", "main.c", "net.c", "net.h"}


def sample(_study: StudyReader, most: int, _image_size: tuple[int, int]) -> Sample:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (min(most, 40), *SIZES[1], 1), dtype=np.uint8)
    return Sample(images, rng.integers(0, 4, len(images)), "toy images", calibration=images)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


def test_export_writes_a_folder_with_code_and_its_figures(study: Study, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = export_trial(study, study.trial(0), out, ["c", "safetensors"], sample)
    assert {path.name for path in (out / "firmware").iterdir()} == FILES
    assert {path.relative_to(out).as_posix() for path in result.files} >= {"firmware/net.c", "README.md"}
    figures = read_figures(out)
    assert (figures.num_images, figures.num_calibration, figures.macs) == (40, 40, GREY.macs(SIZES[1]))
    assert figures.agreement > 0.8
    assert figures.accuracy is not None
    manifest = json.loads((out / "export.json").read_text(encoding="utf-8"))
    assert manifest["firmware"]["flash_bytes"] == figures.flash_bytes
    assert "firmware/net.c" in manifest["files"]
    assert f"{figures.sram_bytes:,} bytes" in (out / "firmware" / "README.md").read_text(encoding="utf-8")
    assert "firmware/net.c" in (out / "README.md").read_text(encoding="utf-8")


def test_code_is_written_again_over_its_earlier_export_but_not_over_changes(
    study: Study, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = export_trial(study, study.trial(0), out, ["c"], sample)
    again = export_trial(study, study.trial(0), out, ["c"], sample)
    assert (again.files, again.gone) == (first.files, ())
    (out / "firmware" / "net.c").write_text("mine", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="was changed after it was exported"):
        export_trial(study, study.trial(0), out, ["c"], sample)


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_example_of_an_export_runs(study: Study, tmp_path: Path) -> None:
    export_trial(study, study.trial(0), tmp_path / "out", ["c"], sample)
    done = subprocess.run([compiled(tmp_path / "out" / "firmware", "main.c")], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "OK")
    assert "ñandú" in done.stdout


def test_format_c_needs_training_images(study: Study, tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInputError, match=r"needs training images of the study .* no validation images"
    ):
        export_trial(study, study.trial(0), tmp_path / "out", ["c"])
    assert list(tmp_path.iterdir()) == []


def test_format_c_is_written_on_request_only(study: Study) -> None:
    assert "c" not in choose(None, GREY)[0]
    assert choose(["c"], GREY)[0] == ["c"]


def test_network_without_integer_form_is_refused() -> None:
    spec = parse_notation("MgNet[1]-4-B^l-activation=silu")
    with pytest.raises(InvalidInputError, match="c is not possible: the activation silu has no integer form"):
        choose(["c"], spec)


def fake_compiler(folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"#!/bin/sh\n[ $1 = --version ] && echo fake && exit 0\n{program}\n"
    (folder / "cc").write_text(script, encoding="utf-8")
    (folder / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_compiled_code_with_other_logits_is_refused(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "printf '#!/bin/sh\\nhead -c 640 /dev/zero\\n' > check; chmod +x check"  # 40 images, 4 logits
    fake_compiler(tmp_path, wrong, monkeypatch)
    with pytest.raises(
        ExportError, match="the C code compiled by fake gives other logits; nothing was exported"
    ):
        export_trial(study, study.trial(0), tmp_path / "out", ["c"], sample)
    assert not (tmp_path / "out").exists()


def test_compiler_that_fails_is_stated(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_compiler(tmp_path, "echo no licence >&2; exit 1", monkeypatch)
    export_trial(study, study.trial(0), tmp_path / "out", ["c"], sample)
    figures = read_figures(tmp_path / "out")
    assert (figures.compiler, figures.not_compiled) == ("", f"{tmp_path / 'cc'} failed: no licence")


def test_machine_without_compiler_is_stated(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    export_trial(study, study.trial(0), tmp_path / "out", ["c"], sample)
    assert read_figures(tmp_path / "out").not_compiled == "there is no C compiler (cc, gcc, clang)"
