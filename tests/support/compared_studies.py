"""Studies for comparisons: ledgers written by hand, without a search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from results.storage.ledger import Ledger
from results.storage.records import TrialRecord
from results.storage.study_files import sqlite_url
from space.core.reports import EpochReport
from tests.support.factories import make_header
from tests.support.synthetic import CONFIG, DATA, trial

Point = tuple[int, float]
"""Parameters and validation accuracy."""


def write_study(
    folder: Path,
    points: Sequence[Point],
    *,
    seed: int = 0,
    search: dict[str, Any] | None = None,
    train: dict[str, Any] | None = None,
    records: Sequence[TrialRecord] | None = None,
    **header: Any,
) -> Path:
    """Write a study with one complete trial of four epochs for each point, ten seconds each."""
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text('name = "digits"\n', encoding="utf-8")
    config = CONFIG.model_dump(mode="json")
    config["search"] |= {"seed": seed, "trials": len(points) or 1} | (search or {})
    config["train"] |= train or {}
    facts = {
        "name": "digits",
        "config": config,
        "data": DATA,
        "params_range": (100, 10_000),
        "trials": len(points) or 1,
        "environment": {"cpu": "made up", "cores": 2},
    }
    ledger = Ledger.create(sqlite_url(folder, "rwc"), make_header(**facts | header))
    found = records
    if found is None:
        found = [trial(number, *point) for number, point in enumerate(points)]
    for one in found:
        ledger.write_trial(one, event="complete", clock_s=one.finished_s or 0.0)
        for epoch in range(1, one.epochs + 1):
            clock_s = (one.finished_s or 0.0) - (one.epochs - epoch)
            ledger.write_report(one.number, EpochReport(epoch, 1.0, 1.0, 0.5, 1.0), clock_s=clock_s)
    ledger.close()
    return folder
