from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from results.report.sharing import sharing_html, sharing_sentence
from results.sharing import MIN_NETWORKS, SharingEffect, sharing_effects
from space.networks.mgnet import Level, MgNetSpec
from tests.support.synthetic import trial

SHARINGS = ("level", "iteration")


def networks(count, cost=0.0, seed=0, noise=0.004, sharings=SHARINGS, is_confounded=False):
    """Trials of random MgNets, whose accuracy grows with the parameters before sharing of A.

    Sharing A over a level costs ``cost`` on average, and the noise is larger in small networks. If
    ``is_confounded``, wide networks share A more often.
    """
    rng = random.Random(seed)
    records = []
    for number in range(count):
        width = rng.randint(3, 12)
        is_shared = rng.random() < (width / 15 if is_confounded else 0.5)
        spec = MgNetSpec(
            in_channels=1,
            num_classes=10,
            levels=tuple(Level(nu=rng.choice([2, 3]), c_u=width, c_f=width) for _ in range(2)),
            share_a=sharings[0] if is_shared else sharings[-1],
            share_b=rng.choice(SHARINGS),
        ).canonical()
        unshared = spec.replaced(share_a="iteration").params
        accuracy = 0.95 - 0.2 * (unshared / 500) ** -0.5 - cost * (spec.share_a != "iteration")
        accuracy += rng.gauss(0, noise * (1 + 3 / width))
        found = {"share_a": spec.share_a, "share_b": spec.share_b, "c_u_1": width}
        records.append(
            trial(
                number,
                spec.params,
                accuracy,
                spec=spec.to_dict(),
                notation=spec.notation,
                hyperparameters=found,
                macs=spec.macs((8, 8)),
            )
        )
    return records


def of_a(records):
    return next(effect for effect in sharing_effects(records) if effect.operator == "A")


@pytest.mark.parametrize("is_confounded", [False, True])
def test_a_known_cost_is_recovered(is_confounded):
    effect = of_a(networks(120, cost=0.02, is_confounded=is_confounded))
    assert effect.cost == pytest.approx(0.02, abs=0.004)
    assert 0 < effect.low < 0.02 < effect.high


def test_the_saving_is_that_of_the_counted_networks():
    records = networks(40)
    effect = of_a(records)
    ratios = sorted(
        1 - record.params / MgNetSpec.model_validate(record.spec).replaced(share_a="iteration").params
        for record in records
        if record.hyperparameters["share_a"] == "level"
    )
    assert effect.saved is not None
    assert (effect.saved[0], effect.saved[2]) == (ratios[0], ratios[-1])
    assert 0.1 < effect.saved[1] < 0.6


@pytest.mark.parametrize("count", [24, 60])
def test_intervals_cover_the_true_cost_as_often_as_they_say(count):
    covered = sum(
        effect.low <= 0.01 <= effect.high
        for effect in (of_a(networks(count, cost=0.01, seed=seed)) for seed in range(100))
    )
    assert covered >= 88  # 95 are expected; fewer than 88 have a probability below 0.002


def test_one_diverged_training_does_not_decide():
    records = networks(60)
    broken = [replace(records[0], val_accuracy=0.1), *records[1:]]
    effect = of_a(broken)
    assert abs(effect.cost) < 0.005


def test_few_networks_have_no_cost():
    records = networks(60)
    shared = [record for record in records if record.hyperparameters["share_a"] == "level"]
    others = [record for record in records if record.hyperparameters["share_a"] == "iteration"]
    effect = of_a([*shared[: MIN_NETWORKS - 1], *others])
    assert effect.cost is None
    assert effect.saved is not None
    assert "not enough trials: 4 with sharing" in sharing_sentence(effect)


def test_networks_in_which_sharing_changes_nothing_are_left_out():
    spec = MgNetSpec(in_channels=1, num_classes=10, levels=(Level(nu=1, c_u=4, c_f=4),)).canonical()
    assert (
        sharing_effects([trial(number, spec.params, 0.9, spec=spec.to_dict()) for number in range(20)]) == []
    )


def test_confounded_networks_are_not_compared():
    # every network that shares A is an MgNet of three iterations, and no other one is
    records = [
        replace(record, training={}, hyperparameters=record.hyperparameters | {"mark": mark})
        for record in networks(80)
        for mark in (["x"] if record.hyperparameters["share_a"] == "level" else ["y"])
    ]
    effect = of_a(records)
    assert effect.cost is None
    assert "cannot be compared" in effect.reason


def test_sharing_over_the_network_is_an_effect_of_its_own():
    forms = {
        (effect.operator, effect.sharing)
        for effect in sharing_effects(networks(60, sharings=("network", "iteration")))
    }
    assert forms == {("A", "network"), ("B", "level")}


def test_sentences_state_saving_cost_interval_and_number():
    effect = SharingEffect("A", "level", 24, 30, (0.2, 0.38, 0.5), 0.003, -0.001, 0.007)
    assert sharing_sentence(effect) == (
        "Sharing A over the iterations of a level saved 38 % of the parameters (median; 20 to 50 %) and cost "
        "0.3 points of accuracy (95 % interval −0.1 to 0.7, n = 24 networks with sharing and 30 without). "
        "The interval contains zero."
    )
    gain = replace(effect, cost=-0.012, low=-0.02, high=-0.004)
    assert "and gained 1.2 points of accuracy (95 % interval 0.4 to 2.0, n" in sharing_sentence(gain)
    assert "contains zero" not in sharing_sentence(gain)


def test_text_is_empty_without_a_choice():
    assert sharing_html([]) == ""
    assert math.isnan(SharingEffect("A", "level", 1, 1).low)
