"""The contract of every sampler: one conformance suite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from results.storage.records import TrialRecord
from search.samplers.ask_tell import StudyAskTell
from search.samplers.base import Proposal
from search.samplers.optuna import INITIAL_TRIALS, SamplerName
from search.study.components import make_ask_tell
from space.config import SpaceConfig
from space.core.reports import EpochReport
from space.networks.spec import Spec
from space.notation.parse import parse_notation
from space.search_space import SearchSpace
from tests.support.factories import make_trial

SAMPLERS = get_args(SamplerName)


def make_space(**changes: Any) -> SearchSpace:
    tables = {"levels": [1, 2], "nu": [1, 2], "c_u": {"low": 2, "high": 9}, "share_b": ["level", "iteration"]}
    return SearchSpace(SpaceConfig.model_validate(tables | changes), in_channels=1, image_size=8)


def outcome(number: int, proposal: Proposal, state: str = "complete") -> TrialRecord:
    """A trial whose accuracy grows with size, with some scatter that depends on the network alone."""
    spec = proposal.spec
    accuracy = 0.5 + 0.4 * spec.params / (spec.params + 500) + 0.0001 * (int(spec.arch, 16) % 97)
    return make_trial(
        number,
        arch=spec.arch,
        params=spec.params,
        hyperparameters=proposal.hyperparameters,
        state=state,
        val_accuracy=accuracy if state == "complete" else None,
    )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_proposes_new_networks_of_the_space(sampler: SamplerName) -> None:
    space = make_space(max_params=3000)
    ask_tell = make_ask_tell(sampler, space, 1)
    archs = set()
    num_trials = INITIAL_TRIALS + (2 if sampler == "gp" else 15)  # seconds each, for the Gaussian process
    for number in range(num_trials):
        proposal = ask_tell.ask(number)
        assert proposal is not None
        assert space.spec(proposal.hyperparameters) == proposal.spec
        assert proposal.spec.params <= 3000
        archs.add(proposal.spec.arch)
        ask_tell.tell(outcome(number, proposal, state="failed" if number % 5 == 4 else "complete"))
    assert len(archs) == num_trials


@pytest.mark.parametrize("sampler", ["frontier", "tpe", "random"])
@pytest.mark.parametrize("num_trials", [7, INITIAL_TRIALS, 40])
def test_a_resumed_study_proposes_what_an_unbroken_one_would(sampler: SamplerName, num_trials: int) -> None:
    """The last trial was interrupted; its end is told to the resumed study first."""
    space = make_space(c_u={"low": 2, "high": 30})
    unbroken = make_ask_tell(sampler, space, 3)
    history: list[tuple[TrialRecord, dict[str, Any]]] = []
    for number in range(num_trials):
        proposal = unbroken.ask(number)
        assert proposal is not None
        record = outcome(number, proposal)
        history.append((record, proposal.sampler_attrs))
        unbroken.tell(record)
    resumed = make_ask_tell(sampler, space, 3)
    for record, attrs in history[:-1]:
        resumed.restore(replace(record, sampler_attrs=attrs))
    last, attrs = history[-1]
    resumed.restore(replace(last, state="running", val_accuracy=None, sampler_attrs=attrs))
    resumed.tell(last)
    for number in range(num_trials, num_trials + 5):
        expected, got = unbroken.ask(number), resumed.ask(number)
        assert expected is not None
        assert got is not None
        assert got.spec == expected.spec
        for ask_tell, proposal in ((unbroken, expected), (resumed, got)):
            ask_tell.tell(outcome(number, proposal))


@pytest.mark.parametrize("sampler", ["nsga2", "nsga3"])
def test_evolution_counts_every_trial_of_its_generations(sampler: SamplerName) -> None:
    """Also those of the start: else a study of 48 trials would have few parents."""
    ask_tell = make_ask_tell(sampler, make_space(c_u={"low": 2, "high": 30}), 0)
    generations = []
    for number in range(45):
        proposal = ask_tell.ask(number)
        assert proposal is not None
        generations += [value for key, value in proposal.sampler_attrs.items() if key.endswith("generation")]
        ask_tell.tell(outcome(number, proposal))
    assert generations == sorted(generations)
    assert [generations.count(g) for g in range(3)] == [20, 20, 5]


def test_seeds_lead_to_different_studies() -> None:
    def first_specs(seed: int) -> list[str]:
        ask_tell = make_ask_tell("random", make_space(), seed)
        return [proposal.spec.arch for n in range(6) if (proposal := ask_tell.ask(n))]

    assert first_specs(1) == first_specs(1)
    assert first_specs(1) != first_specs(2)


@pytest.mark.slow
def test_a_space_is_tried_to_its_last_network_and_not_beyond() -> None:
    space = make_space(c_u={"low": 2, "high": 3})
    distinct = {space.spec(point).arch for point in space.points()}
    ask_tell = make_ask_tell("tpe", space, 0)
    observations = set()
    for number in range(len(distinct)):
        proposal = ask_tell.ask(number)
        assert proposal is not None
        observations.add(proposal.spec.arch)
        ask_tell.tell(outcome(number, proposal))
    assert observations == distinct
    assert ask_tell.ask(len(distinct)) is None


@pytest.mark.slow
def test_a_large_space_with_few_feasible_networks_is_tried_to_the_last() -> None:
    tables = {"nu": {"low": 1, "high": 3}, "c_u": {"low": 2, "high": 12}, "c_f": {"low": 2, "high": 12}}
    space = SearchSpace(
        SpaceConfig.model_validate(tables | {"share_a": ["level", "iteration"], "max_params": 300}),
        in_channels=1,
    )
    assert space.size() > 100_000
    ask_tell = make_ask_tell("tpe", space, 0)
    found = [proposal.spec.arch for n in range(20) if (proposal := ask_tell.ask(n))]
    assert len(found) == len(set(found)) == len({space.spec(p).arch for p in space.feasible_points()})
    assert 0 < len(found) < 20


def test_a_rare_feasible_network_is_found() -> None:
    space = make_space(c_u={"low": 2, "high": 60})
    smallest = space.params_range()[0]
    tight = make_space(c_u={"low": 2, "high": 60}, max_params=smallest)
    proposal = make_ask_tell("tpe", tight, 0).ask(INITIAL_TRIALS)
    assert proposal is not None
    assert proposal.spec.params == smallest


def test_the_start_spreads_over_the_sizes() -> None:
    space = make_space(c_u={"low": 2, "high": 60})
    ask_tell = make_ask_tell("tpe", space, 5)
    sizes = sorted(proposal.spec.params for n in range(8) if (proposal := ask_tell.ask(n)))
    low, high = space.params_range()
    assert sizes[0] == low
    assert sizes[3] < (low * high) ** 0.5 * 3
    assert sizes[-1] > (low * high) ** 0.5 * 3


def test_interrupted_trials_are_not_proposed_again() -> None:
    space = make_space()
    first = make_ask_tell("random", space, 0).ask(0)
    assert first is not None
    resumed = make_ask_tell("random", space, 0)
    running = replace(outcome(0, first), state="running", val_accuracy=None)
    resumed.restore(running, {})
    second = resumed.ask(0)
    assert second is not None
    assert second.spec != first.spec


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_space_that_no_bound_narrows_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """With groups, a wider level may have fewer weights: such a space is walked, but not for ever."""
    monkeypatch.setattr("search.samplers.ask_tell.MAX_ENUMERATED", 2_000)
    width = {"low": 2, "high": 65}
    tables = {"levels": 4, "nu": 1, "c_u": width, "groups_b": 2, "share_b": "level"}
    smallest = SearchSpace(SpaceConfig.model_validate(tables)).params_range()[0]
    space = SearchSpace(SpaceConfig.model_validate(tables | {"max_params": smallest + 20}))
    assert space.size() > 10**7
    ask_tell = make_ask_tell("random", space, 0)
    found = [proposal.spec.arch for n in range(12) if (proposal := ask_tell.ask(n))]
    assert 0 < len(found) == len(set(found)) < 12


def test_of_an_epoch_that_is_trained_again_what_came_after_is_forgotten() -> None:
    """As after a damaged checkpoint; a search that goes on from the ledger knows no more than that."""
    samplers = [make_ask_tell("frontier", make_space(), 0) for _ in range(2)]
    for ask_tell, epochs in zip(samplers, ([1, 2, 3, 2], [1, 2]), strict=True):
        proposal = ask_tell.ask(0)
        assert proposal is not None
        running = replace(outcome(0, proposal), state="running", val_accuracy=None)
        for epoch in epochs:
            ask_tell.report(running, EpochReport(epoch, 2.0 / epoch, 2.0, 0.2 * epoch, 1.0))
    one, other = (ask_tell.observations.trials[0] for ask_tell in samplers)
    assert one.errors == other.errors == {1: 0.8, 2: pytest.approx(0.6)}
    assert one.losses == other.losses == {1: 2.0, 2: 1.0}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_where_everything_has_failed_new_networks_are_proposed(sampler: SamplerName) -> None:
    ask_tell = make_ask_tell(sampler, make_space(), 0)
    for number in range(INITIAL_TRIALS + 3):
        proposal = ask_tell.ask(number)
        assert proposal is not None
        ask_tell.tell(outcome(number, proposal, state="failed"))


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "further"), [("tpe", 30), ("nsga2", 30), ("gp", 6)])
def test_of_what_always_fails_samplers_of_optuna_learn_to_leave_it(
    sampler: SamplerName, further: int
) -> None:
    ask_tell = make_ask_tell(sampler, make_space(activation=["relu", "gelu", "silu"]), 0)
    num_failed = 0
    for number in range(INITIAL_TRIALS + 10 + further):
        proposal = ask_tell.ask(number)
        assert proposal is not None
        fails = proposal.hyperparameters["activation"] == "gelu"
        num_failed += fails and number >= INITIAL_TRIALS + 10
        ask_tell.tell(outcome(number, proposal, state="failed" if fails else "complete"))
    assert num_failed <= further / 5


def reference(number: int, spec: Spec, space: SearchSpace, accuracy: float | None) -> TrialRecord:
    counts = space.counts(spec)
    return replace(
        make_trial(number, arch=spec.arch, state="running" if accuracy is None else "complete"),
        spec=spec.to_dict(),
        hyperparameters={},
        params=counts.params,
        macs=counts.macs,
        reference="mgnet-64-Bli",
        val_accuracy=accuracy,
    )


def after_start(space: SearchSpace) -> tuple[StudyAskTell, list[TrialRecord]]:
    ask_tell = make_ask_tell("frontier", space, 0)
    records = []
    for number in range(8):
        proposal = ask_tell.ask(number)
        assert proposal is not None
        records.append(outcome(number, proposal))
        ask_tell.tell(records[-1])
    return ask_tell, records


def next_archs(ask_tell: StudyAskTell, numbers: range) -> list[str]:
    """Carry on with trials of these numbers, and return what was tried."""
    archs = []
    for number in numbers:
        proposal = ask_tell.ask(number)
        assert proposal is not None
        archs.append(proposal.spec.arch)
        ask_tell.tell(outcome(number, proposal))
    return archs


def test_the_frontier_sampler_learns_from_references_that_are_networks_of_the_space() -> None:
    """One that is far better than its likes is soon tried by the search itself: it has not found it yet."""
    space = make_space(c_u=[4, 8, 16, 32], c_f="c_u", levels=2)
    spec = parse_notation("MgNet[2,2]-[8,16]-B^l", in_channels=1)
    alone, _ = after_start(space)
    assert spec.arch not in next_archs(alone, range(9, 21))
    taught, _ = after_start(space)
    taught.report(reference(8, spec, space, None), EpochReport(1, 0.1, 0.1, 0.96, 1.0))
    taught.tell(reference(8, spec, space, 0.96))
    assert spec.arch in next_archs(taught, range(9, 13))


def test_a_reference_beyond_the_space_teaches_nothing() -> None:
    space = make_space(c_u={"low": 2, "high": 60}, c_f="c_u", levels=2)
    expected, _ = after_start(space)
    ask_tell, _ = after_start(space)
    beyond = parse_notation("MgNet[2,2]-[21,61]-B^{l,i}", in_channels=1)
    ask_tell.tell(reference(8, beyond, space, 0.999))
    one, other = expected.ask(9), ask_tell.ask(9)
    assert one is not None
    assert other is not None
    assert one.spec == other.spec


def test_a_search_that_goes_on_knows_its_references() -> None:
    space = make_space(c_u={"low": 2, "high": 60}, c_f="c_u", levels=2)
    spec = parse_notation("MgNet[2,2]-[21,33]-B^{l,i}", in_channels=1)
    unbroken, records = after_start(space)
    report, record = EpochReport(1, 0.1, 0.1, 0.9, 1.0), reference(8, spec, space, 0.9)
    unbroken.report(replace(record, state="running", val_accuracy=None), report)
    unbroken.tell(record)
    resumed = make_ask_tell("frontier", space, 0)
    for trial in records:
        resumed.restore(trial)
    resumed.restore(record, [report])
    one, other = unbroken.ask(9), resumed.ask(9)
    assert one is not None
    assert other is not None
    assert one.spec == other.spec
