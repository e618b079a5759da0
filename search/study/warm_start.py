"""Warm starts: a study copies the trials of an earlier study into its own folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from results.open import open_study
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError

if TYPE_CHECKING:
    from search.frontier.models.transferred_prior import EarlierTrial

EARLIER = "earlier.json"
"""The file of the copy: a JSON list of ``EarlierTrial``."""


def earlier_trials(folder: str | Path) -> list[EarlierTrial]:
    """Return the trials of the study in ``folder`` that have at least one epoch and did not fail.

    References are excluded.

    Raises:
        InvalidInputError: The folder holds no study, or the study has too few trials for a warm start.
    """
    from search.frontier.config import DEFAULTS
    from search.frontier.models.transferred_prior import EarlierTrial

    if not Path(folder).is_dir():
        raise InvalidInputError(f"search.warm_start = '{folder}': there is no such folder")
    study = open_study(folder)
    trials = [
        EarlierTrial(
            record.spec,
            record.params,
            record.macs,
            tuple(1.0 - report.val_accuracy for report in study.reports.get(record.number, ())),
            record.state == "complete",
        )
        for record in study.records
        if record.state != "failed"
    ]
    trials = [trial for trial in trials if trial.errors]
    needed = DEFAULTS.transfer_min_trials
    if len(trials) < needed:
        raise InvalidInputError(
            f"search.warm_start = '{folder}': a warm start needs {needed} trained trials, but this study has "
            f"{len(trials)}"
        )
    return trials


def write_earlier(folder: Path, trials: list[EarlierTrial]) -> None:
    """Write the trials of an earlier study into the folder of a study.

    Raises:
        OSError: The file is not writable.
    """
    write_atomic(folder / EARLIER, json.dumps([asdict(trial) for trial in trials]) + "\n")


def read_earlier(folder: Path) -> list[EarlierTrial]:
    """Return the earlier trials of the study in ``folder``; an empty list without a warm start.

    Raises:
        InvalidInputError: The copy is damaged.
    """
    path = folder / EARLIER
    if not path.exists():
        return []
    from search.frontier.models.transferred_prior import EarlierTrial

    try:
        return TypeAdapter(list[EarlierTrial]).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInputError(f"{path} is damaged ({reason}); restore it from a copy") from None
