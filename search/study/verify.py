"""Verification of a study: given the recorded events in their order, are the decisions the same?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from results.open import open_study
from results.storage.ledger_reader import TimelineEvent
from results.storage.reading import reading_ledger
from results.storage.records import TrialRecord
from search.frontier.models.transferred_prior import EarlierTrial
from search.study.clock import Clock
from search.study.components import compose
from search.study.config import StudyConfig
from search.study.driver import Driver
from search.study.environment import changed_versions
from search.study.folder import StudyFolder
from search.study.plan_config import PlanConfig
from search.study.progress import Silent
from search.study.recorded_executor import DecisionDiffersError, RecordedExecutor, RunInterruptedError
from search.study.trials import Trials
from search.study.warm_start import read_earlier
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport

REPEATABLE = ("frontier", "tpe", "random")
"""Samplers whose decisions after an interruption follow from the ledger alone."""


@dataclass(frozen=True)
class Verification:
    """The result of a verification.

    Attributes:
        num_same: The number of decisions that agree with the ledger.
        difference: The first decision that differs, in words; None if all agree.
        changed_versions: Packages and the commit that changed since the study began, in words, if a decision differs.
    """

    num_same: int
    difference: str | None = None
    changed_versions: Sequence[str] = ()


def verify(folder: str | Path) -> Verification:
    """Repeat all decisions of a study and compare them with its ledger.

    Recorded events take the place of trainings, in the order in which the driver recorded them. An interrupted
    or resumed study is interrupted and resumed at the same points. Nothing is trained or written.

    Args:
        folder: The folder of the study.

    Raises:
        InvalidInputError: There is no study, a search runs in it, or its ledger is incomplete.
    """
    study = open_study(folder)
    if StudyFolder(study.folder).is_locked():
        raise InvalidInputError(
            f"a search is running in {study.folder}; verify the study when that search has ended"
        )
    with reading_ledger(study.folder) as ledger:
        timeline, reports = ledger.timeline(), ledger.reports()
    config = StudyFolder(study.folder).recorded_config(study.header)
    runs = _runs(folder, config, timeline)
    recorded = {record.number: record for record in (*study.records, *study.references)}
    _check_whole(folder, recorded, timeline, reports)
    data = study.header.data
    space = config.search_space(
        in_channels=data["in_channels"], num_classes=len(data["classes"]), image_size=data["image_size"]
    )
    trials = Trials(replace(study.header, exhausted=False), space)
    executor = RecordedExecutor(timeline, recorded, reports, trials)
    for run in runs:
        try:
            with suppress(RunInterruptedError):
                _decide_anew(run, trials, executor, read_earlier(study.folder))
        except DecisionDiffersError as error:
            return Verification(executor.num_same, str(error), changed_versions(study.header.environment))
    for number, record in recorded.items():
        again = trials.records.get(number)
        if again is None or again.state != record.state:
            now = "does not exist" if again is None else f"is {again.state}"
            difference = f"trial {number} was {record.state}, but {now}"
            return Verification(executor.num_same, difference, changed_versions(study.header.environment))
    return Verification(executor.num_same)


def _decide_anew(
    config: StudyConfig, trials: Trials, executor: RecordedExecutor, earlier: Sequence[EarlierTrial]
) -> None:
    """Repeat the decisions of one run, in the state after the runs before it."""
    executor.begin()
    components = compose(config, trials, executor, earlier=earlier)
    Driver(components, Silent(), Clock(executor.now(), executor.now)).run()


def _runs(folder: str | Path, config: StudyConfig, timeline: Sequence[TimelineEvent]) -> list[StudyConfig]:
    """Return the configuration of each run: the study's, with the budgets of the run.

    Raises:
        InvalidInputError: The decisions of the study cannot be repeated.
    """
    begun = [one.detail or {} for one in timeline if one.kind == "begin"]
    reason = None
    if any(one.kind == "retrain" for one in timeline):
        reason = "a checkpoint was damaged, and the ledger keeps repeated epochs only at their second time"
    elif len(begun) > 1 and not all("references" in detail for detail in begun):
        reason = "its ledger is damaged, the budgets of its runs are missing; restore it from a copy"
    elif len(begun) > 1 and config.search.sampler not in REPEATABLE:
        reason = f"it was resumed, and the decisions of {config.search.sampler} depend on that"
    if reason is not None:
        raise InvalidInputError(f"{folder} cannot be verified: {reason}")
    if len(begun) == 1:
        return [config]
    return [
        config.model_copy(
            update={
                "references": tuple(detail["references"]),
                "plan": PlanConfig(**plan) if (plan := detail.get("plan")) else None,
                "search": config.search.model_copy(
                    update={key: detail[key] for key in ("trials", "hours", "epochs", "patience")}
                ),
            }
        )
        for detail in begun
    ]


def _check_whole(
    folder: str | Path,
    recorded: Mapping[int, TrialRecord],
    timeline: Sequence[TimelineEvent],
    reports: Mapping[int, Sequence[EpochReport]],
) -> None:
    """Raise InvalidInputError if the ledger lacks trials, epochs of trials, or its beginning."""
    lost = sorted({one.trial for one in timeline if one.trial is not None} - recorded.keys())
    lost += [
        number
        for number, record in recorded.items()
        if [report.epoch for report in reports.get(number, ())] != list(range(1, record.epochs + 1))
    ]
    measured = {one.trial for one in timeline if one.kind == "measure" and one.trial is not None}
    lost += sorted(n for n in measured & recorded.keys() if recorded[n].network_costs.latency_ms is None)
    missing = f"trial {lost[0]} or epochs of it are" if lost else "its beginning is"
    if lost or not any(one.kind == "begin" for one in timeline):
        raise InvalidInputError(
            f"{folder} cannot be verified: its ledger is damaged, {missing} missing; restore it from a copy"
        )
