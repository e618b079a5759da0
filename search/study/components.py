"""The composition of a study: which class belongs to which value of the configuration.

This is the only module that chooses samplers, schedulers and executors. ``run``, ``verify`` and the simulator
call ``compose``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from results.storage.records import TrialRecord
    from search.executors.base import Executor
    from search.frontier.models.transferred_prior import EarlierTrial
    from search.samplers.ask_tell import StudyAskTell
    from search.samplers.base import AskTell
    from search.samplers.optuna import SamplerName
    from search.schedulers.base import ContinuationPolicy, Scheduler, StartNamed, TrialStatus
    from search.study.config import StudyConfig
    from search.study.places import Places
    from search.study.trials import Trials
    from space.search_space import SearchSpace


@dataclass(frozen=True)
class Components:
    """The parts of a study that a driver connects."""

    config: StudyConfig
    trials: Trials
    sampler: AskTell
    scheduler: Scheduler
    executor: Executor


def compose(
    config: StudyConfig,
    trials: Trials,
    executor: Executor,
    *,
    earlier: Sequence[EarlierTrial] = (),
    sampler: AskTell | None = None,
) -> Components:
    """Return the components of a study, in the state after all its recorded trials.

    Args:
        config: The configuration of the study.
        trials: The trials so far.
        executor: The executor that trains.
        earlier: Trials of an earlier study, for a warm start.
        sampler: A sampler in place of the one that the configuration names.
    """
    if sampler is None:
        sampler = make_sampler(config, trials.space, earlier)
    for record in trials.records.values():
        sampler.restore(record, trials.curves.get(record.number, ()))
    scheduler = make_scheduler(config, trials, sampler.policy, trials.missing(config))
    return Components(config, trials, sampler, scheduler, executor)


def rungs_of(config: StudyConfig) -> tuple[int, ...]:
    """Return the rungs in epochs; the last one is the end of a training, and FIFO has no other."""
    from results.rungs import rung_epochs

    search = config.search
    if search.scheduler == "fifo" or config.plan is not None:
        return (config.train.epochs,)
    return rung_epochs(config.train.epochs, search.reduction, search.first_rung)


def make_sampler(config: StudyConfig, space: SearchSpace, earlier: Sequence[EarlierTrial] = ()) -> AskTell:
    """Return the sampler that ``search.sampler`` names; a study with a plan has none."""
    from search.samplers.no_sampler import NoSampler

    search = config.search
    if config.plan is not None:
        return NoSampler()
    return make_ask_tell(search.sampler, space, search.seed, rungs_of(config), earlier, search.costs)


def make_ask_tell(
    sampler: SamplerName,
    space: SearchSpace,
    seed: int,
    rungs: Sequence[int] = (),
    earlier: Sequence[EarlierTrial] = (),
    costs: Sequence[str] = ("params",),
) -> StudyAskTell:
    """Return the ask-and-tell interface of a study.

    Args:
        sampler: The name of the sampler.
        space: The search space.
        seed: The seed of the study.
        rungs: Epochs at which trainings may pause, the last of them their end.
        earlier: Trials of an earlier study, for the frontier sampler.
        costs: The objectives besides the error.
    """
    from search.frontier.models.transferred_prior import TransferredPrior
    from search.samplers.ask_tell import StudyAskTell
    from search.samplers.frontier import frontier_sampler
    from search.samplers.network_points import NetworkPoints
    from search.samplers.observations import Observations, identity
    from search.samplers.optuna import optuna_sampler
    from search.study.objectives import counted_costs

    prior = TransferredPrior(earlier) if sampler == "frontier" else None
    points = NetworkPoints(space, identity, counted_costs(costs, space), prior)
    observations = Observations(points, costs, rungs[-1] if rungs else 1)
    if sampler == "frontier":
        return StudyAskTell(space, seed, frontier_sampler(observations, seed, rungs), observations)
    return StudyAskTell(space, seed, optuna_sampler(sampler, seed), observations)


def make_scheduler(
    config: StudyConfig,
    trials: Trials,
    policy: ContinuationPolicy | None,
    named: Sequence[StartNamed] = (),
) -> Scheduler:
    """Return the scheduler that ``search.scheduler`` names, with the status of all trials.

    Args:
        config: The configuration of the study.
        trials: The trials so far.
        policy: The continuation policy of the sampler, which freeze_thaw requires.
        named: The networks of the plan and the references that have no trial yet.
    """
    from search.schedulers.asha import ASHA
    from search.schedulers.base import FIFO
    from search.schedulers.freeze_thaw import FreezeThaw

    known = _statuses(config, trials) | {"named": named}
    search = config.search
    if config.plan is not None:
        return FIFO(0, **known)
    if search.scheduler == "fifo":
        return FIFO(search.trials, **known)
    if search.scheduler == "asha":
        return ASHA(search.trials, rungs_of(config), search.reduction, **known)
    assert policy is not None, search.sampler
    return FreezeThaw(search.trials, rungs_of(config), policy, **known)


def _statuses(config: StudyConfig, trials: Trials) -> dict[str, Any]:
    """Return the status of each trial, grouped as the schedulers take them."""
    from search.schedulers.base import TrialStatus
    from search.study.objectives import proxy_costs

    def status(record: TrialRecord) -> TrialStatus:
        return TrialStatus(
            record.number,
            proxy_costs(config.search.costs, record),
            tuple(trials.errors(record.number)),
            record.losses,
            record.reference is not None,
            record.state == "running",
        )

    records = list(trials.records.values())
    return {
        "ended": [status(record) for record in records if record.has_ended],
        "paused": [status(record) for record in records if record.state == "paused"],
        "interrupted": [status(record) for record in records if record.state == "running"],
    }


def open_places(config: StudyConfig) -> Places:
    """Return the places of the workers: on this machine, or on the Ray cluster that the configuration names.

    Raises:
        InvalidInputError: They do not have what the configuration asks for.
    """
    from search.study.places import LocalPlaces, RayPlaces

    return RayPlaces(config) if config.search.executor == "ray" else LocalPlaces(config)
