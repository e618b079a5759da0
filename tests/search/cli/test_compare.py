"""``mgnas compare``: its tables, JSON, CSV and page, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.support.command_line import mgnas
from tests.support.compared_studies import write_study

RANDOM = {"sampler": "random", "scheduler": "fifo"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four studies of each of two methods; those of the second are worse."""
    home = tmp_path_factory.mktemp("home")
    for seed in range(4):
        write_study(home / f"a{seed}", [(1000, 0.5), (2000, 0.9 - seed / 100)], seed=seed)
        write_study(home / f"b{seed}", [(1000, 0.4), (2000, 0.6 - seed / 100)], seed=seed, search=RANDOM)
    return home


STUDIES = [f"{method}{seed}" for method in "ab" for seed in range(4)]


def test_tables_show_methods_test_and_coverage(home: Path) -> None:
    run = mgnas("compare", *STUDIES, cwd=home)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(
        "8 studies of digits, 2 methods\nhypervolume: share of the box error 0 to 1, param"
    )
    lines = [line.split() for line in run.stdout.splitlines()]
    assert [
        "final",
        "frontier",
        "+",
        "freeze_thaw",
        "random",
        "+",
        "fifo",
        "4",
        ":",
        "4",
        "1.00",
        "0.029",
        "*",
    ] in lines
    assert ["frontier", "+", "freeze_thaw", "random", "+", "fifo", "100.00", "%"] in lines
    assert "  search.sampler: frontier (a0, a1, a2, a3); random (b0, b1, b2, b3)\n" in run.stdout
    assert "warnings" not in run.stdout


def test_json_and_csv_have_the_studies(home: Path) -> None:
    document = json.loads(mgnas("compare", *STUDIES, "--json", cwd=home).stdout)
    rows = list(csv.DictReader(io.StringIO(mgnas("compare", *STUDIES, "--csv", cwd=home).stdout)))
    assert [row["study"] for row in rows] == [row["study"] for row in document["studies"]] == STUDIES
    assert [float(row["hypervolume"]) for row in rows] == [row["hypervolume"] for row in document["studies"]]
    assert [row["method"] for row in document["methods"]] == ["frontier + freeze_thaw", "random + fifo"]


def test_group_and_page(home: Path, tmp_path: Path) -> None:
    run = mgnas("compare", "a0", "b0", "--group", "study", "-o", str(tmp_path / "c.html"), cwd=home)
    assert run.returncode == 0, run.stderr
    assert "too few studies (p >= 1)" in run.stdout
    assert run.stdout.endswith(f"page: {tmp_path / 'c.html'}\n")
    assert (tmp_path / "c.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a0"], "a comparison needs two or more studies, but got 1"),
        (["a0", "./a0"], "./a0 is named twice; name each study once"),
        (["a0", "nothing"], "there is no folder nothing"),
        (["a0", "b0", "--group", "lr"], "group takes 'study' or keys of a study file"),
        (["a0", "b0", "--json", "--csv"], "--json and --csv exclude each other"),
        (["a0", "b0", "-o", "."], "is a folder; name a file for the page"),
        (["a0", "b0", "-o", ""], "--output is empty"),
    ],
)
def test_wrong_arguments_are_one_line(home: Path, arguments: list[str], says: str) -> None:
    run = mgnas("compare", *arguments, cwd=home)
    assert run.returncode == 2
    assert says in run.stderr
    assert run.stderr.count("\n") == 1
    assert run.stdout == ""
