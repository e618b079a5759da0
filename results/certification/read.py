"""Reading the certification of a study from the ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from results.certification.assemble import Measured, certification_of
from results.certification.certification import Certification
from results.certification.records import Opening
from results.front import complete_trials
from results.storage.held_out import OPENING
from results.storage.location import holds_study
from results.storage.reading import reading_ledger
from results.storage.records import StudyHeader, TrialRecord

CANDIDATES = "certify"
"""The kind of the event that records why networks are certified."""


def openings(folder: Path) -> tuple[Opening, ...]:
    """Return all recorded uses of a study's test split, oldest first."""
    with reading_ledger(folder) as ledger:
        events = ledger.events(OPENING)
    keys = ("folder", "num_networks", "num_images")
    return tuple(Opening(unix_time, **{key: detail[key] for key in keys}) for unix_time, detail in events)


def read_certification(
    folder: Path, header: StudyHeader, records: Sequence[TrialRecord]
) -> Certification | None:
    """Return the certified figures of a study; None before a certification.

    Of several certifications, the one that used the test split last counts.

    Args:
        folder: The study's folder.
        header: The study's header.
        records: The trials of its search.
    """
    if header.plan or not _has_ledger(folder):
        return None
    opened = openings(folder)
    for opening in reversed(opened):
        place = folder / opening.folder
        if _has_ledger(place) and (measured := _measured(place)):
            return certification_of(place, header, records, measured, opened)
    return None


def _has_ledger(folder: Path) -> bool:
    try:
        return holds_study(folder)
    except OSError:  # such as a name that is too long
        return False


def _measured(folder: Path) -> Measured | None:
    """Return the trainings of a certification with their results on the test split; None without any."""
    with reading_ledger(folder) as ledger:
        header, trials, results = ledger.header(), ledger.trials(), ledger.held_out()
        opened, candidates = ledger.events(OPENING), ledger.events(CANDIDATES)
    if not opened or not results:
        return None
    origins: dict[str, dict[str, Any]] = {}
    for _, detail in candidates:
        origins |= {one["arch"]: one for one in detail["networks"]}
    return Measured(
        epochs=int(header.config["train"]["epochs"]),
        trials=[trial for trial in complete_trials(trials) if trial.number in results],
        results=results,
        labels=np.array(opened[-1][1]["labels"], dtype=np.int64),
        origins=origins,
        classes=tuple(header.data["classes"]),
        teacher=header.config["train"].get("teacher"),
    )
