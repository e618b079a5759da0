"""Schedulers by name, made to go on where a study stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from results.storage.records import TrialRecord
    from search.schedulers.base import ContinuationPolicy, Scheduler, StartNamed
    from search.study.config import StudyConfig
    from search.study.trials import Trials


def rungs_of(config: StudyConfig) -> tuple[int, ...]:
    """Return the epochs after which trainings of a study may be paused, the last of them their end."""
    from search.schedulers.asha import rung_epochs

    search = config.search
    if search.scheduler == "fifo" or config.plan is not None:
        return (config.train.epochs,)
    return rung_epochs(config.train.epochs, search.reduction, search.first_rung)


def make_scheduler(
    config: StudyConfig,
    trials: Trials,
    policy: ContinuationPolicy | None,
    named: Sequence[StartNamed] = (),
) -> Scheduler:
    """Return the scheduler of a study, told of all its trials; ``named`` networks are still to be trained."""
    from search.schedulers.asha import ASHA
    from search.schedulers.base import FIFO, TrialStatus
    from search.schedulers.freeze_thaw import FreezeThaw
    from search.study.objectives import stand_in_costs

    def status(record: TrialRecord) -> TrialStatus:
        return TrialStatus(
            record.number,
            stand_in_costs(config.search.costs, record),
            tuple(trials.errors(record.number)),
            record.losses,
            record.reference is not None,
            record.state == "running",
        )

    records = list(trials.records.values())
    known: dict[str, Any] = {
        "ended": [status(record) for record in records if record.has_ended],
        "paused": [status(record) for record in records if record.state == "paused"],
        "interrupted": [status(record) for record in records if record.state == "running"],
        "named": named,
    }
    search = config.search
    if config.plan is not None:
        return FIFO(0, **known)
    if search.scheduler == "fifo":
        return FIFO(search.trials, **known)
    if search.scheduler == "asha":
        return ASHA(search.trials, rungs_of(config), search.reduction, **known)
    assert policy is not None, search.sampler
    return FreezeThaw(search.trials, rungs_of(config), policy, **known)
