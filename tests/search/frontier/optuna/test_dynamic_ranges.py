"""Dynamic ranges: they depend on other parameters or change by the user."""

from __future__ import annotations

import random
from statistics import median
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, create_trial

from search.frontier.optuna.dynamic_ranges import clipped, ranges_of
from search.frontier.optuna.observed_space import ObservedSpace
from search.frontier.optuna.sampler import FrontierSampler

DIRECTIONS = ["maximize", "minimize"]


def deep(trial: optuna.Trial) -> tuple[float, float]:
    """Best with ``place`` 4, which only a depth of 5 or 6 allows."""
    depth = trial.suggest_int("depth", 1, 6)
    place = trial.suggest_int("place", 0, depth - 1)
    share = trial.suggest_float("share", 0.0, 1.0 / depth)
    return 1.0 - abs(place - 4) / 5 - 2 * abs(share - 0.15), float(depth)


def huge(trial: optuna.Trial) -> tuple[float, float]:
    """A number beside the moving range is beyond what single precision takes."""
    trial.suggest_float("scale", 1e-3, 1e40, log=True)
    depth = trial.suggest_int("depth", 1, 6)
    return trial.suggest_int("place", 0, depth) / depth, float(depth)


def test_numbers_of_any_size_may_be_beside_a_range_that_moves() -> None:
    study = optuna.create_study(directions=DIRECTIONS, sampler=FrontierSampler(seed=0))
    study.optimize(huge, n_trials=20)
    source = ObservedSpace.of_trials(study.get_trials(), lambda _params: None)
    whole = source.dynamic["place"].at({"scale": 1e39, "depth": 6})
    assert (whole.low, whole.high) == (0, 6)


def best_after(sampler: optuna.samplers.BaseSampler, trials: int = 30) -> float:
    study = optuna.create_study(directions=DIRECTIONS, sampler=sampler)
    study.optimize(deep, n_trials=trials)
    return max(trial.values[0] for trial in study.trials)


@pytest.mark.slow
def test_what_only_some_trials_allow_is_found() -> None:
    ours = [best_after(FrontierSampler(lambda params: params["depth"], seed=seed)) for seed in range(6)]
    feasibility = [best_after(optuna.samplers.RandomSampler(seed=seed)) for seed in range(6)]
    assert median(ours) > median(feasibility)
    assert min(ours) > 0.9


def test_proposals_keep_to_the_ranges_and_are_taken_as_they_are() -> None:
    kept = []

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        proposed = dict(trial.relative_params)
        values = deep(trial)
        if trial.number >= 12:
            kept.append(proposed["place"] == trial.params["place"])
        return values

    study = optuna.create_study(directions=DIRECTIONS, sampler=FrontierSampler(seed=0))
    study.optimize(objective, n_trials=30)
    assert sum(kept) >= 0.9 * len(kept)


def shown(*values: tuple[dict[str, Any], dict[str, BaseDistribution]]) -> list[FrozenTrial]:
    return [create_trial(values=[0, 0], params=params, distributions=known) for params, known in values]


def pair(depth: int, kind: str = "a") -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """A depth, and a number that reaches up to it, from 10 on with the kind b."""
    low = 10 if kind == "b" else 0
    params = {"depth": depth, "kind": kind, "place": low + depth}
    return params, {
        "depth": IntDistribution(1, 9),
        "kind": CategoricalDistribution(["a", "b"]),
        "place": IntDistribution(low, low + depth),
    }


def test_a_tree_knows_the_ranges_that_were_seen() -> None:
    depths = [1, 4, 2, 4, 8, 1, 2, 8]
    points = ObservedSpace.of_trials(shown(*(pair(d, k) for d in depths for k in "ab")), lambda _: None)
    assert points.distributions["place"] == IntDistribution(0, 18)
    for depth, kind, low in ((4, "a", 0), (2, "b", 10)):
        at = points.dynamic["place"].at({"depth": depth, "kind": kind})
        assert at == IntDistribution(low, low + depth)
    rng = random.Random(0)
    point = points.draw(rng)
    for _ in range(200):
        params = point.params
        assert params["place"] >= 10 if params["kind"] == "b" else params["place"] <= 8
        point = points.neighbour(point, rng)


def test_a_range_that_the_user_changed_is_the_latest() -> None:
    old, new = FloatDistribution(0.0, 1.0), FloatDistribution(0.4, 0.6)
    trials = shown(*[({"x": 0.5}, {"x": old})] * 6, *[({"x": 0.5}, {"x": new})] * 3)
    assert ranges_of(trials) == ({"x": new}, {})
    for times in (1, 2, 3, 6):  # also early, when two changes are most of what was seen
        changed = [({"x": 0.5}, {"x": old}), *[({"x": 0.5}, {"x": new})] * times]
        assert ranges_of(shown(*changed)) == ({"x": new}, {})
    forth = shown(*[({"x": 0.5}, {"x": new if n % 3 else old}) for n in range(9)])
    distributions, dynamic = ranges_of(forth)
    assert distributions == {"x": old}
    assert dynamic["x"].at({}) == new  # nothing says why: the latest


@pytest.mark.parametrize(
    ("distribution", "value", "nearest"),
    [
        (IntDistribution(0, 9, step=3), 7, 6),
        (IntDistribution(2, 9), 12, 9),
        (IntDistribution(2, 9, log=True), 1, 2),
        (FloatDistribution(0.0, 1.0, step=0.25), 0.6, 0.5),
        (FloatDistribution(0.5, 1.0), 0.1, 0.5),
        (CategoricalDistribution(["a", None]), None, None),
    ],
)
def test_values_are_brought_into_a_range(distribution: BaseDistribution, value: Any, nearest: Any) -> None:
    assert clipped(distribution, value) == nearest


def test_steps_that_do_not_fit_together_are_left_out() -> None:
    known = [IntDistribution(0, 8, step=4), IntDistribution(1, 9, step=4), IntDistribution(0, 4, step=4)]
    trials = shown(*(({"x": one.high}, {"x": one}) for one in known * 2))
    assert ranges_of(trials)[0] == {"x": IntDistribution(0, 9)}
