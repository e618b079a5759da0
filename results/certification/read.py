"""Reading the certification of a study from the ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from results.certification.records import Certification
from results.storage.records import StudyHeader, TrialRecord


def read_certification(
    folder: Path, header: StudyHeader, records: Sequence[TrialRecord]
) -> Certification | None:
    """Return the certified figures of a study; None before a certification.

    Args:
        folder: The study's folder.
        header: The study's header.
        records: The trials of its search.
    """
    _ = folder, header, records
    return None
