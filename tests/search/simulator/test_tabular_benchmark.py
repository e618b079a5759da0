"""Tabular benchmarks on disk: refused ones, and comparisons on unusual ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.simulator.comparison import Method, compare
from search.simulator.simulation import simulate
from search.simulator.tabular_benchmark import TabularBenchmark
from space.core.errors import InvalidInputError
from tests.search.simulator.test_simulation import make_problem, make_table

RANDOM = [Method("random", "fifo")]


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    make_table(make_problem(), seeds=(0, 1)).write(tmp_path / "table.jsonl")
    return tmp_path / "table.jsonl"


def changed(table_file: Path, change: Callable[[dict[str, Any]], Any]) -> TabularBenchmark:
    """Return a table whose trainings were changed one by one."""
    header, *lines = table_file.read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        change(row)
    table_file.write_text("\n".join([header, *map(json.dumps, rows)]))
    return TabularBenchmark.read(table_file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: [], "is empty"),
        (lambda lines: lines[1:], "line 1"),
        (lambda lines: [lines[0], "{", *lines[2:]], "line 2 is not JSON"),
        (lambda lines: [lines[0], re.sub(r'"seconds":\[[^,]+', '"seconds":[Infinity', lines[1])], "seconds"),
        (lambda lines: lines[:-2], "lacks 1 of the"),
        (lambda lines: [*lines, lines[-1]], "is there twice"),
        (lambda lines: [*lines[:-1], _with(lines[-1], params=7)], "has [0-9]+ parameters, but .* says 7"),
        (
            lambda lines: [*lines[:-1], _with(lines[-1], expected_accuracy=0.3)],
            "another training .* has None",
        ),
        (lambda lines: [lines[0].replace("16", "-16"), *lines[1:]], "greater than or equal to 1"),
        (lambda lines: ["[" * 100_000, *lines[1:]], "line 1 is not JSON"),
        (
            lambda lines: [lines[0].replace('"space":{', '"space":{"max_params":10,'), *lines[1:]],
            "no network",
        ),
        (lambda lines: [lines[0].replace('"epochs":9', '"epochs":8'), *lines[1:]], "9 accuracies"),
        (lambda lines: [lines[0].replace('"epochs":9', '"epochs":10'), *lines[1:]], "no failure says why"),
        (lambda lines: [lines[0].replace('"epochs"', '"epoch"'), *lines[1:]], "did you mean 'epochs'"),
        (lambda lines: [lines[0], lines[1].replace("0.", "7.", 1), *lines[2:]], "line 2"),
        (lambda lines: [lines[0], lines[1][:-1] + ',"train_loss":[1.0]}', *lines[2:]], "1 training losses"),
    ],
)
def test_a_damaged_table_is_refused_in_one_line(table_file: Path, change: Any, message: str) -> None:
    lines = table_file.read_text().splitlines()
    table_file.write_text("\n".join(change(lines)) + "\n")
    with pytest.raises(InvalidInputError, match=message) as caught:
        TabularBenchmark.read(table_file)
    assert "\n" not in str(caught.value)
    assert "table.jsonl" in str(caught.value)


def _with(line: str, **changes: Any) -> str:
    return json.dumps(json.loads(line) | changes)


def test_networks_beyond_the_space_are_left_aside(table_file: Path) -> None:
    before = TabularBenchmark.read(table_file)
    alien = _with(table_file.read_text().splitlines()[-1], arch="0" * 12, params=3, val_accuracy=[1.0] * 9)
    table_file.write_text(f"{table_file.read_text()}{alien}\n")
    assert TabularBenchmark.read(table_file).outcomes() == before.outcomes()


def test_marks_and_separators_of_other_programs_do_no_harm(table_file: Path) -> None:
    header, *lines = table_file.read_text().splitlines()
    told = json.dumps(json.loads(header) | {"data": "two\u2028lines"}, ensure_ascii=False)
    table_file.write_text("\r\n".join(["\ufeff" + told, *lines]), encoding="utf-8", newline="")
    assert TabularBenchmark.read(table_file).header.data == "two\u2028lines"


def test_where_no_network_is_better_than_another_nothing_is_compared(table_file: Path) -> None:
    table = changed(table_file, lambda row: row.update(val_accuracy=[0.5] * 9))
    with pytest.raises(InvalidInputError, match="no network is better than the worst"):
        compare(table, RANDOM, num_seeds=1)


def test_where_all_trainings_fail_nothing_is_compared_but_a_search_ends(table_file: Path) -> None:
    table = changed(table_file, lambda row: row.update(failure="no memory"))
    with pytest.raises(InvalidInputError, match="all its trainings fail"):
        compare(table, RANDOM, num_seeds=1)
    found = simulate(table, "random")
    assert {record.state for record in found.records} == {"failed"}
    assert found.best is None


@pytest.mark.parametrize("numbers", [{"num_seeds": 0}, {"num_seeds": 1, "num_workers": 0}])
def test_a_comparison_needs_seeds_and_workers(table_file: Path, numbers: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match="must be at least 1, but got 0"):
        compare(TabularBenchmark.read(table_file), RANDOM, **numbers)  # type: ignore[arg-type]


def test_a_simulation_needs_a_worker() -> None:
    with pytest.raises(InvalidInputError, match="num_workers must be at least 1"):
        simulate(make_problem(), "random", num_workers=0)
