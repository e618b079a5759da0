"""``mgnas report --watch`` and ``mgnas dashboard``: pages on the loopback interface, until Ctrl-C."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from results.loopback import served
from results.open import open_study
from results.report.live import LiveReport
from results.storage.reading import ledger_mark
from results.storage.waiting import Wait, patient
from space.core.atomic_files import shell_word

REFRESH_S = 0.5
"""How often the ledger is checked for changes."""


def watch_report(folder: str | Path, port: int) -> None:
    """Serve the report of a study until Ctrl-C; the page refreshes itself while the search runs.

    Args:
        folder: The study's folder.
        port: The port on the loopback interface; 0 for any free one.

    Raises:
        InvalidInputError: There is no study, it was moved or deleted, or the port cannot be used.
    """
    report = LiveReport(open_study(folder).folder)
    with served(report, port) as address, patient(Wait()):
        _say(f"report: {address} (Ctrl-C ends)")
        state = ""
        while True:
            report.refresh()
            if report.state != state:
                state = report.state
                _say(_state_text(state, report.folder))
            time.sleep(REFRESH_S)


def _state_text(state: str, folder: Path) -> str:
    texts = {
        "searching": "the search runs; the page refreshes itself",
        "complete": "the study is complete; the page shows its final state",
        "stopped": f"no search runs in {folder}; 'mgnas search {shell_word(folder)}' resumes it",
    }
    return texts[state]


def serve_dashboard(folder: str | Path, port: int) -> None:
    """Serve Optuna Dashboard on a copy of a study until Ctrl-C; the copy follows the study.

    Args:
        folder: The study's folder.
        port: The port on the loopback interface; 0 for any free one.

    Raises:
        InvalidInputError: Optuna Dashboard is missing, there is no study, it was moved or deleted, or the port
            cannot be used.
    """
    from search.study.dashboard import dashboard

    place = open_study(folder).folder
    with dashboard(place) as (app, study), served(app, port) as address, patient(Wait()):
        _say(f"dashboard: {address}/dashboard/studies/{study} (Ctrl-C ends)")
        while True:
            ledger_mark(place)  # raises where the study was moved or deleted
            time.sleep(REFRESH_S)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
