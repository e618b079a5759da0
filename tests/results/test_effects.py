from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.effect_groups import groups
from results.effects import MIN_TRIALS, Effects, HyperparameterEffect, hyperparameter_effects
from tests.support.synthetic import searched, trial


def of(found: Effects, hyperparameter: str) -> HyperparameterEffect:
    return next(effect for effect in found.hyperparameters if effect.hyperparameter == hyperparameter)


def difference(effect: HyperparameterEffect, better: str, worse: str) -> float:
    values = {value.label: value.effect for value in effect.values}
    return values[better] - values[worse]


def test_a_planted_effect_is_recovered_and_ranks_first():
    share = hyperparameter_effects(
        searched(effect=lambda hyperparameters: 0.02 * (hyperparameters["share"] == "level"))
    ).hyperparameters[0]
    assert share.hyperparameter == "share"
    assert difference(share, "level", "iteration") == pytest.approx(0.02, abs=0.003)
    assert share.p_value < 0.01
    assert share.importance > 0.7
    assert all(value.low * value.high > 0 for value in share.values)


def test_values_are_compared_at_equal_size():
    # the better value comes with smaller networks, so the plain means say the opposite
    rng = random.Random(3)
    records = []
    for number in range(60):
        kind = rng.choice(["good", "bad"])
        params = int(rng.uniform(1000, 9000) * (0.5 if kind == "good" else 1.5))
        accuracy = 0.7 + 0.03 * math.log(params / 500) + 0.01 * (kind == "good") + rng.gauss(0, 0.002)
        records.append(trial(number, params, accuracy, hyperparameters={"kind": kind}))
    means = {
        kind: sum(t.val_accuracy for t in records if t.hyperparameters["kind"] == kind)
        / sum(t.hyperparameters["kind"] == kind for t in records)
        for kind in ("good", "bad")
    }
    assert means["good"] < means["bad"] - 0.01
    assert difference(of(hyperparameter_effects(records), "kind"), "good", "bad") == pytest.approx(
        0.01, abs=0.003
    )


def test_intervals_cover_zero_and_p_values_stay_large_where_there_is_no_effect():
    covered = clear = 0
    for seed in range(60):
        found = hyperparameter_effects(searched(seed=seed))
        covered += all(value.low <= 0 <= value.high for value in of(found, "share").values)
        clear += any(effect.p_value < 0.05 for effect in found.hyperparameters)
    # 57 and 3 are expected; these bounds are passed by chance once in ten thousand times
    assert covered >= 50
    assert clear <= 10


def test_conditional_hyperparameters_use_only_the_trials_that_have_them():
    records = searched(count=80, effect=lambda hyperparameters: 0.01 * (hyperparameters.get("nu_2") == 3))
    nu_2 = of(hyperparameter_effects(records), "nu_2")
    assert nu_2.num_trials == sum("nu_2" in t.hyperparameters for t in records) < len(records)
    assert sum(value.num_trials for value in nu_2.values) == nu_2.num_trials
    assert difference(nu_2, "3", "1") == pytest.approx(0.01, abs=0.004)


def test_close_numbers_have_labels_that_tell_them_apart():
    records = [
        replace(
            record,
            hyperparameters=record.hyperparameters | {"rate": (0.1234, 0.12341, 0.2)[record.number % 3]},
        )
        for record in searched(count=60)
    ]
    rate = of(hyperparameter_effects(records), "rate")
    assert [value.label for value in rate.values] == ["0.1234", "0.12341", "0.2"]


def test_many_numbers_are_joined_into_ranges_in_order():
    records = searched(count=80)
    width = of(hyperparameter_effects(records), "width")
    lows = [int(value.label.partition("–")[0]) for value in width.values]
    assert 3 <= len(lows) <= 6
    assert lows == sorted(lows)
    assert sum(value.num_trials for value in width.values) == 80
    assert min(value.num_trials for value in width.values) >= 5


def test_a_value_that_most_trials_have_leaves_no_tiny_ranges():
    records = [
        replace(record, hyperparameters={"nu": 1 if record.number < 90 else record.number - 88})
        for record in searched(count=100)
    ]
    nu = of(hyperparameter_effects(records), "nu")
    assert [(value.label, value.num_trials) for value in nu.values] == [("1", 90), ("2–11", 10)]


def test_one_training_gone_wrong_does_not_decide():
    records = searched(noise=0.002)
    broken = [replace(records[0], val_accuracy=0.1), *records[1:]]
    found = hyperparameter_effects(broken)
    assert found.num_outliers >= 1
    share = of(found, "share")
    assert all(value.low <= 0 <= value.high for value in share.values)
    assert max(abs(value.effect) for value in share.values) < 0.002


def test_a_value_that_always_fails_to_learn_is_still_seen():
    broken = searched(noise=0.002, effect=lambda hyperparameters: -0.5 * (hyperparameters.get("nu_2") == 3))
    nu_2 = of(hyperparameter_effects(broken), "nu_2")
    assert nu_2.p_value < 0.01
    assert difference(nu_2, "1", "3") == pytest.approx(0.5, abs=0.02)
    assert all(value.low * value.high > 0 for value in nu_2.values)
    # and does not spoil what is said of the others
    share = of(hyperparameter_effects(broken), "share")
    assert max(abs(value.effect) for value in share.values) < 0.01


def test_two_trainings_that_went_wrong_are_not_their_value_s_doing():
    records = [
        replace(record, hyperparameters=record.hyperparameters | {"kind": "abc"[record.number % 3]})
        for record in searched(noise=0.002)
    ]
    records[:2] = [
        replace(record, hyperparameters=record.hyperparameters | {"kind": "rare"}) for record in records[:2]
    ]
    records[0] = replace(records[0], val_accuracy=0.1)
    found = hyperparameter_effects(records)
    assert of(found, "kind").left_out == (("rare", 2),)
    assert [value.label for value in of(found, "kind").values] == ["a", "b", "c"]
    assert found.num_outliers == 1


@pytest.mark.parametrize("count", [1, 2])
def test_of_values_with_fewer_than_three_trainings_nothing_is_concluded(count: int):
    records = [
        replace(
            record, hyperparameters={"stem": "rare" if record.number < count else "ab"[record.number % 2]}
        )
        for record in searched(40, noise=0.002)
    ]
    records[:count] = [replace(record, val_accuracy=0.7) for record in records[:count]]
    stem = of(hyperparameter_effects(records), "stem")
    without = of(hyperparameter_effects(records[count:]), "stem")
    assert stem == replace(without, left_out=(("rare", count),))
    assert stem.num_trials == 40 - count


def test_a_hyperparameter_of_which_one_value_has_three_trainings_says_nothing():
    records = [
        replace(record, hyperparameters={"stem": "rare" if record.number < 2 else "plain"})
        for record in searched(30)
    ]
    stem = of(hyperparameter_effects(records), "stem")
    assert stem.values == ()
    assert (stem.importance, stem.p_value) == (0.0, 1.0)
    assert stem.left_out == (("rare", 2),)


def test_no_strength_rests_on_one_training():
    """Three values in a group, of which one alone is far from the rest."""
    records = [
        trial(n, 1000, 0.9 + 0.001 * (n % 4), hyperparameters={"stem": "few" if n < 3 else "many"})
        for n in range(12)
    ]
    records[0] = replace(records[0], val_accuracy=0.8)
    stem = of(hyperparameter_effects(records), "stem")
    assert stem.p_value > 0.2
    assert stem.importance < 0.1


@given(st.lists(st.integers(0, 40), min_size=7, max_size=60).filter(lambda values: len(set(values)) > 6))
def test_ranges_of_many_numbers_hold_three_trainings_or_are_one(values: list[int]):
    records = [trial(n, 1000, 0.9, hyperparameters={"nu": value}) for n, value in enumerate(values)]
    labels, member = groups(records, "nu")
    sizes = Counter(member.tolist())
    assert len(labels) == len(sizes)
    assert min(sizes.values()) >= 3
    ordered = [group for _, group in sorted(zip(values, member.tolist(), strict=True))]
    assert ordered == sorted(ordered)


def test_trials_stopped_early_are_compared_at_equal_epochs():
    # one value was mostly stopped early, and everything stopped early is 5 points less accurate
    rng = random.Random(1)
    records = []
    for number in range(60):
        kind = rng.choice(["a", "b"])
        epochs = rng.choice([1, 4] if kind == "a" else [1, 1, 1, 1, 4])
        accuracy = 0.9 - 0.05 * (epochs == 1) + rng.gauss(0, 0.002)
        params = rng.randint(1000, 9000)
        records.append(trial(number, params, accuracy, epochs=epochs, hyperparameters={"kind": kind}))
    found = hyperparameter_effects(records)
    assert found.epochs_differ
    assert abs(difference(of(found, "kind"), "a", "b")) < 0.003


def test_failed_and_running_trials_do_not_count():
    records = searched()
    extra = [
        trial(100, 5000, None, hyperparameters={"share": "level", "other": 1}),
        trial(101, 5000, 0.1, state="running", hyperparameters={"share": "level"}),
    ]
    assert hyperparameter_effects([*records, *extra]) == hyperparameter_effects(records)


@pytest.mark.parametrize("count", [0, 1, 2, 3, MIN_TRIALS - 1])
def test_too_few_trials_give_reasons_instead_of_numbers(count):
    found = hyperparameter_effects(searched(count=count))
    assert found.num_trials == count
    assert all(effect.values == () and effect.reason for effect in found.hyperparameters)
    assert bool(found.hyperparameters) == (count > 0)


def test_a_single_size_needs_no_curve():
    records = [
        trial(n, 1000, 0.9 + 0.01 * (n % 2) + 0.001 * (n % 3), hyperparameters={"k": n % 2})
        for n in range(24)
    ]
    assert difference(of(hyperparameter_effects(records), "k"), "1", "0") == pytest.approx(0.01, abs=1e-3)


def test_identical_accuracies_have_no_effect_at_all():
    found = hyperparameter_effects([replace(t, val_accuracy=0.9) for t in searched()])
    for effect in found.hyperparameters:
        assert effect.importance == 0
        assert effect.p_value == 1
        assert all(value.effect == pytest.approx(0, abs=1e-9) for value in effect.values)


def test_a_hyperparameter_that_decides_the_size_is_not_told_apart_from_it():
    records = [
        trial(n, 1000 + 500 * (n % 2), 0.8 + 0.1 * (n % 2), hyperparameters={"k": n % 2}) for n in range(20)
    ]
    effect = of(hyperparameter_effects(records), "k")
    assert effect.values == ()
    assert "size" in (effect.reason or "")


def test_a_hyperparameter_with_one_value_is_not_estimated():
    records = [replace(t, hyperparameters={"k": 3}) for t in searched()]
    assert of(hyperparameter_effects(records), "k").reason == "fewer than two values have 3 finished trials"


def test_the_same_seed_gives_the_same_result():
    assert hyperparameter_effects(searched(), seed=1) == hyperparameter_effects(searched(), seed=1)


@pytest.mark.parametrize(("freedom", "expected"), [(6, 2.4469), (10, 2.2281), (40, 2.0211)])
def test_intervals_are_quantiles_of_students_t(freedom, expected):
    records = [
        trial(n, 1000, 0.8 + 0.01 * (n % 2) + 0.001 * (n * 7 % 5), hyperparameters={"k": n % 2})
        for n in range(freedom + 2)  # two values, one size: two parameters are estimated
    ]
    for value in of(hyperparameter_effects(records), "k").values:
        assert (value.high - value.effect) / value.std_error == pytest.approx(expected, abs=1e-4)
        assert (value.effect - value.low) / value.std_error == pytest.approx(expected, abs=1e-4)
