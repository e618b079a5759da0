"""The job that trains a trial."""

from __future__ import annotations

from results.storage.records import TrialRecord
from search.executors.messages import Job
from search.study.config import StudyConfig
from search.study.trials import Trials, checkpoint_path, weights_path


def training_job(
    config: StudyConfig, trials: Trials, record: TrialRecord, *, until: int | None = None, again: bool = False
) -> Job:
    """Return the job that trains a trial.

    Args:
        config: The configuration of the study.
        trials: The trials of the study.
        record: The trial.
        until: The epoch after which the training pauses; None trains to the last epoch.
        again: Whether a complete trial is trained once more, from its first epoch and without limits.
    """
    return Job(
        record.number,
        record.spec,
        config.train.replaced(record.training),
        record.seed,
        weights_path=trials.place_of(weights_path(record)),
        checkpoint_path=trials.place_of(checkpoint_path(record)),
        known_epochs=0 if again else record.epochs,
        known_latency_ms=record.network_costs.latency_ms,
        knows_batch_latency=record.network_costs.latency_batch_ms is not None,
        is_limited=record.reference is None and config.plan is None and not again,
        micro_batch_halvings=trials.kills_for_memory.get(record.number, 0),
        train_s=0.0 if again else record.train_s,
        until=until,
    )
