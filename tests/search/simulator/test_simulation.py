"""Simulations: a table on disk, simulated workers, and the results of a search."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from benchmarks.problems import Computed, Failing, Shape
from results.front import trials_since_growth
from results.storage.objectives import Objectives
from search.cli.main import run
from search.simulator.comparison import Method, compare, default_limit_s
from search.simulator.problem import Curve
from search.simulator.simulation import simulate
from search.simulator.tabular_benchmark import TableHeader, TableRow, TabularBenchmark
from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from tests.support.command_line import mgnas

SPACE = {
    "levels": 2,
    "nu": [1, 2],
    "c_u": [2, 4, 8],
    "c_f": [2, 4],
    "share_b": ["level", "iteration"],
}


def make_problem(rise: float = 0.4) -> Computed:
    return Computed("small", SPACE, Shape(0.5, rise, 0.7, 0.02, 0.005, 2.0), epochs=9, seed=3)


def make_table(problem: Computed, seeds: tuple[int, ...] = (0,)) -> TabularBenchmark:
    space = problem.space
    specs = {spec.arch: spec for spec in map(space.spec, space.points())}
    header = TableHeader(
        table="small",
        space=SpaceConfig.model_validate(SPACE),
        epochs=9,
        image_size=(16, 16),
    )
    rows = []
    for spec in specs.values():
        for seed in seeds:
            curve = problem.curve(spec, seed)
            rows.append(
                TableRow(
                    arch=spec.arch,
                    seed=seed,
                    params=space.counts(spec).params,
                    val_accuracy=curve.val_accuracy,
                    seconds=curve.seconds,
                )
            )
    return TabularBenchmark(header, rows)


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    make_table(make_problem()).write(tmp_path / "table.jsonl")
    return tmp_path / "table.jsonl"


METHODS = [
    ("frontier", "fifo"),
    ("frontier", "asha"),
    ("frontier", "freeze_thaw"),
    ("nsga2", "asha"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "scheduler"), METHODS)
def test_a_space_is_searched_to_its_end_and_the_best_front_found(sampler: str, scheduler: str) -> None:
    problem = make_problem()
    found = simulate(problem, sampler, scheduler, num_workers=3)
    assert len(found.records) == len(problem.outcomes())
    assert all(record.has_ended for record in found.records)
    if scheduler == "fifo":
        assert found.hypervolume_at(1e9) == pytest.approx(1.0)
    else:
        assert found.hypervolume_at(1e9) > 0.9
        assert any(record.state == "stopped" for record in found.records)


@pytest.mark.parametrize(("sampler", "scheduler"), METHODS)
def test_the_same_seed_gives_the_same_search(sampler: str, scheduler: str) -> None:
    first, second = (simulate(make_problem(), sampler, scheduler, seed=5, trials=25) for _ in range(2))
    assert first == second
    assert first != simulate(make_problem(), sampler, scheduler, seed=6, trials=25)


@pytest.mark.parametrize("num_workers", [1, 8, 1000])
def test_workers_are_kept_busy(num_workers: int) -> None:
    found = simulate(make_problem(), "random", num_workers=num_workers, trials=96)
    longest = max(record.finished_s - record.started_s for record in found.records)  # type: ignore[operator]
    assert found.elapsed_s <= found.busy_s / num_workers + longest + 1e-9
    assert found.busy_s == pytest.approx(sum(record.train_s for record in found.records))
    assert found.idle_share == pytest.approx(0.0, abs=1e-9)


def test_a_promoted_training_goes_on_where_it_stood() -> None:
    found = simulate(make_problem(), "random", "asha", trials=40)
    for record in found.records:
        assert record.epochs in (1, 3, 9)
        assert (record.epochs == 9) == (record.state == "complete")
    total = sum(
        sum(make_problem().curve(_spec(record.spec), record.seed).seconds[: record.epochs])
        for record in found.records
    )
    assert found.busy_s == pytest.approx(total)


def _spec(data: dict[str, Any]) -> Any:
    from space.networks.load import load_spec

    return load_spec(data)


def test_time_ends_a_search(table_file: Path) -> None:
    found = simulate(TabularBenchmark.read(table_file), "random", hours=60 / 3600)
    assert 60.0 <= found.elapsed_s < 70.0
    assert found.hypervolume_at(0.0) == 0.0
    assert found.time_to(1.01) is None


def test_a_comparison_lasts_for_some_trainings_on_however_many_workers() -> None:
    problem = make_problem()
    alone = default_limit_s(problem, 1)
    assert default_limit_s(problem, 4) == pytest.approx(alone / 4)
    (found,) = compare(problem, [Method("random")], num_seeds=1, num_workers=100_000)
    assert found.curve[-1][0] == pytest.approx(alone * 4 / 60)
    assert found.curve[-1][2] == pytest.approx(1)


@pytest.mark.parametrize("num_workers", [1, 4])
def test_epochs_are_a_budget(num_workers: int) -> None:
    found = simulate(make_problem(), "random", "asha", epochs=100, num_workers=num_workers)
    trained = sum(record.epochs for record in found.records)
    assert 100 <= trained < 100 + 9 * num_workers
    assert any(record.state == "paused" for record in found.records)


@pytest.mark.slow
def test_a_front_that_no_longer_grows_ends_the_search() -> None:
    patient, hasty = (simulate(make_problem(), "frontier", patience=number) for number in (25, 6))
    assert len(hasty.records) < len(patient.records) < len(make_problem().outcomes())
    for found, patience in ((patient, 25), (hasty, 6)):
        since = trials_since_growth(
            found.records, Objectives({"params": make_problem().space.params_range()})
        )
        assert since == patience


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_failures_end_no_search(share: float) -> None:
    problem = Failing(make_problem(), share)
    found = simulate(problem, "frontier", "freeze_thaw", trials=60, num_workers=4)
    failed = sum(record.state == "failed" for record in found.records)
    assert 0.3 * share < failed / 60 < 1.7 * share
    assert found.hypervolume_at(1e9) > 0.85


def test_asha_copes_with_failures_at_several_rungs() -> None:
    problem = Failing(Computed("long", SPACE, Shape(0.5, 0.4, 0.7, 0.02, 0.005, 2.0), 27, seed=3), 0.3)
    found = simulate(problem, "random", "asha", num_workers=3, trials=40, seed=1)
    states = [record.state for record in found.records]
    assert len(states) == 40
    assert states.count("failed") >= 5
    assert 1 <= states.count("complete") < 12
    assert set(states) == {"complete", "failed", "stopped"}
    assert {record.epochs for record in found.records if record.state == "stopped"} <= {1, 3, 9}


def test_a_comparison_survives_searches_in_which_nearly_all_fails() -> None:
    problem = Failing(make_problem(), 0.97)
    found = simulate(problem, "random", trials=90)
    assert count_in_a_row([record.state == "failed" for record in found.records]) > 40
    for outcome in compare(problem, [Method("random"), Method("frontier")], num_seeds=1, limit_s=40.0):
        assert outcome.curve[-1][0] == 40.0


def count_in_a_row(flags: list[bool]) -> int:
    """Return the length of the longest run of true ones."""
    return max(sum(1 for _ in run) * flag for flag, run in itertools.groupby(flags))


@pytest.mark.parametrize("scheduler", ["asha", "freeze_thaw"])
def test_a_budget_for_a_few_trainings_brings_one_to_its_end(scheduler: str) -> None:
    found = simulate(make_problem(), "frontier", scheduler, epochs=40, num_workers=16)
    assert sum(record.state == "complete" for record in found.records) >= 1


@pytest.mark.slow
def test_the_command_compares_searches_on_a_table(tmp_path: Path) -> None:
    asked = ("simulate", "digits8", "random", "frontier", "--seeds", "2", "--hours", "0.01", "--json")
    run = mgnas(*asked, "--picture", "bands.svg", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["problem"] == "digits8"
    assert [search["sampler"] for search in found["searches"]] == ["random", "frontier"]
    assert (tmp_path / "bands.svg").read_text(encoding="utf-8").startswith("<svg")
    text = mgnas("simulate", "digits8", "random", "--seeds", "1", "--workers", "500", cwd=tmp_path).stdout
    assert "500 workers, 1 seed; median seconds to fractions" in text
    times = [cell for cell in text.splitlines()[-1].split()[2:-4] if cell != "never"]
    assert all(float(cell) > 0 for cell in times)
    wrong = mgnas("simulate", "digits8", "chance", cwd=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1


def test_what_ends_after_the_time_is_over_does_not_count() -> None:
    problem = make_problem()
    (outcome,) = compare(problem, [Method("random")], num_seeds=8, num_workers=8, limit_s=12.0)
    late = [simulate(problem, "random", num_workers=8, seed=seed, hours=12.0 / 3600) for seed in range(8)]
    assert any((one.time_to(0.9) or 0.0) > 12.0 for one in late)
    assert all(when is None or when <= 12.0 for found in outcome.times_s.values() for when in found)
    whole = [sum(record.state == "complete" for record in one.records) for one in late]
    assert all(counted <= found for counted, found in zip(outcome.complete, whole, strict=True))
    assert sum(outcome.complete) < sum(whole)


def test_what_cannot_be_simulated_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidInputError, match="latency_ms is measured"):
        simulate(make_problem(), "random", costs=("latency_ms",), trials=3)
    assert run(["simulate", "digits8", "random", "tpe", "random:fifo"]) == 2
    assert "compared once, but got 'random:fifo' again" in capsys.readouterr().err


@pytest.mark.slow
def test_contenders_are_compared_over_seeds() -> None:
    problem = make_problem()
    methods = [Method("frontier", "freeze_thaw"), Method("random")]
    ours, chance = compare(problem, methods, num_seeds=4, limit_s=200.0)
    assert ours.curve[-1][2] > chance.curve[-1][2]
    document = ours.as_dict()
    assert document["time_s_to_share"]["0.90"]["median"] == ours.median_time_s(0.9)
    assert document["seeds"] == 4
    json.dumps(document)


def test_a_table_reads_as_it_was_written(table_file: Path) -> None:
    table = TabularBenchmark.read(table_file)
    assert table.rows == make_table(make_problem()).rows
    assert table.outcomes() == make_table(make_problem()).outcomes()


def test_of_several_recorded_seeds_the_trainings_seed_decides() -> None:
    table = make_table(make_problem(), seeds=(0, 1, 2))
    spec = table.space.spec(table.space.smallest_point())
    assert len({table.curve(spec, seed).val_accuracy for seed in range(9)}) == 3
    ends = [table.curve(spec, seed).val_accuracy[-1] for seed in range(3)]
    assert table.outcomes()[spec.arch][1] == pytest.approx(sum(ends) / 3)


def test_an_expected_accuracy_counts_instead_of_what_trainings_showed() -> None:
    table = make_table(make_problem())
    rows = [row.model_copy(update={"expected_accuracy": 0.25}) for row in table.rows]
    lucky = TabularBenchmark(table.header, rows)
    assert {accuracy for _, accuracy in lucky.outcomes().values()} == {0.25}
    first = table.rows[0]
    spec = next(s for s in map(table.space.spec, table.space.points()) if s.arch == first.arch)
    assert lucky.curve(spec, 0).val_accuracy == first.val_accuracy


class WithLosses(Computed):
    """A problem whose trainings have noisy accuracies, and training losses without any noise."""

    def curve(self, spec: Any, seed: int) -> Curve:
        curve = super().curve(spec, seed)
        final = self.outcomes()[spec.arch][1]
        losses = tuple(3.0 * (1.0 - final) + 1.0 / epoch for epoch in range(1, self.epochs + 1))
        return Curve(curve.val_accuracy, curve.seconds, train_loss=losses)


@pytest.mark.slow
def test_training_losses_help_where_accuracies_are_noisy() -> None:
    shape = Shape(0.5, 0.3, 0.7, 0.02, 0.03, 2.0)
    noisy, told = (kind("noisy", SPACE, shape, epochs=9, seed=3) for kind in (Computed, WithLosses))
    shares = {
        problem: [
            simulate(problem, "frontier", trials=30, seed=seed).hypervolume_at(1e9) for seed in range(20)
        ]
        for problem in (noisy, told)
    }
    assert median(shares[told]) > median(shares[noisy])
    assert sum(shares[told]) > sum(shares[noisy])
