"""The queue of GPU runs: its steps in small on a CPU, its time limit, and the files that travel."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu_day import check_packages
from benchmarks.gpu_day.__main__ import ROOT, main
from benchmarks.gpu_day.parcels import pack, parts, unpack
from benchmarks.gpu_day.queue import read_state, run_queue, run_step
from benchmarks.gpu_day.steps import GPU_TESTS, Scale, Step, steps
from results.open import open_study
from space.networks.references import read_reference


def step(name: str, code: str, most_s: float = 60.0, *, repeats: bool = True) -> Step:
    return Step(name, (sys.executable, "-c", code), most_s, repeats)


def test_steps_run_in_order_and_only_once(tmp_path: Path) -> None:
    note = "open('order', 'a').write({!r})"
    queue = [step("a", note.format("a")), step("b", note.format("b"))]
    assert run_queue(queue, tmp_path, 60.0) == {"a": "done", "b": "done"}
    assert run_queue(queue, tmp_path, 60.0) == {"a": "done", "b": "done"}
    assert (tmp_path / "order").read_text() == "ab"
    assert (tmp_path / "logs" / "a.txt").read_text().startswith("$ ")


def test_failed_step_is_run_again_unless_its_output_is_the_result(tmp_path: Path) -> None:
    note = "open({!r}, 'a').write('.'); raise SystemExit(3)"
    queue = [step("search", note.format("search")), step("tests", note.format("tests"), repeats=False)]
    told: list[str] = []
    assert run_queue(queue, tmp_path, 60.0, told.append) == {"search": "failed", "tests": "done"}
    assert run_queue(queue, tmp_path, 60.0, told.append) == {"search": "failed", "tests": "done"}
    assert (tmp_path / "search").read_text() == ".."
    assert (tmp_path / "tests").read_text() == "."
    assert "exit code 3" in told[0]


def test_step_is_interrupted_at_its_limit_and_may_save_its_work(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    code = (
        "import time\n"
        "try:\n"
        "    open('begun', 'w').close()\n"
        "    time.sleep(600)\n"
        "except KeyboardInterrupt: open('saved', 'w').close()"
    )
    for limit_s in (1.0, 10.0, 60.0):  # a busy machine starts nothing in a second
        assert run_step(step("long", code), tmp_path, limit_s).state == "stopped"
        if (tmp_path / "begun").exists():
            break
    assert (tmp_path / "saved").exists()


def test_queue_without_time_starts_nothing(tmp_path: Path) -> None:
    assert run_queue([step("a", "open('begun', 'w').close()")], tmp_path, 1.0) == {}
    assert not (tmp_path / "begun").exists()
    assert read_state(tmp_path) == {}


def test_folder_travels_in_parts_of_limited_size(tmp_path: Path) -> None:
    folder, target = tmp_path / "folder", tmp_path / "out"
    (folder / "studies").mkdir(parents=True)
    noise = np.random.default_rng(0).bytes(5000)
    (folder / "studies" / "weights").write_bytes(noise)
    (folder / "images.npz").write_bytes(noise)
    written = pack(folder, target, part_bytes=2000)
    assert len(written) == 3
    assert all(path.stat().st_size <= 2000 for path in written)
    assert parts(target) == written == sorted(target.iterdir())
    unpack(target, tmp_path / "back")
    assert (tmp_path / "back" / "studies" / "weights").read_bytes() == noise
    assert not (tmp_path / "back" / "images.npz").exists()


def test_unpacking_nothing_changes_nothing(tmp_path: Path) -> None:
    unpack(tmp_path / "none", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_names_and_files_of_the_real_queue_exist() -> None:
    scale = Scale("npz:images.npz")
    for name in (*scale.references, *scale.papers):
        assert read_reference(name).spec().params > 0
    for preset in scale.presets:
        assert (ROOT / "search" / "presets" / f"{preset}.toml").exists()
    assert all(one.most_s <= 600 for one in steps(scale, ROOT))


def test_missing_packages_are_named_before_the_first_step() -> None:
    with pytest.raises(ImportError, match=r"not installed: no_such_package, nor_this$"):
        check_packages(["torch", "no_such_package", "nor_this"])


def test_queue_knows_all_files_with_tests_of_a_gpu() -> None:
    marked = [path for path in (ROOT / "tests").rglob("test_*.py") if "mark.gpu" in path.read_text("utf-8")]
    marked.remove(Path(__file__))
    assert sorted(path.relative_to(ROOT).as_posix() for path in marked) == sorted(GPU_TESTS)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whole_queue_is_rehearsed_on_the_cpu_in_two_runs(tmp_path: Path) -> None:
    names = [one.name for one in steps(Scale("", presets=("cifar10-tiny",)), ROOT)]
    first = names[: names.index("search-cifar10-tiny") + 1]
    main(["--rehearse", "--out", str(tmp_path / "1"), "--minutes", "10", "--only", *first])
    main(["--rehearse", "--out", str(tmp_path / "2"), "--minutes", "10", "--from", str(tmp_path / "1")])
    unpack(tmp_path / "2", tmp_path / "end")
    assert read_state(tmp_path / "end") == dict.fromkeys(names, "done")
    study = open_study(tmp_path / "end" / "studies" / "cifar10-tiny")
    assert study.complete
    assert len((tmp_path / "end" / "recipe" / "rows.jsonl").read_text().splitlines()) == 2
    assert '"times_one"' in (tmp_path / "end" / "logs" / "packing.txt").read_text()
    assert len(open_study(tmp_path / "end" / "studies" / "papers").records) == 2
