"""``mgnas status``: print the progress of a study once, or watch it until the search ends."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from results.open import Study, open_study
from results.status_text import status_lines
from results.storage.driver_lock import is_locked
from results.storage.location import holds_study
from results.storage.waiting import Wait, patient
from results.tables import print_json
from search.cli.status_screen import Screen
from space.core.atomic_files import shell_word
from space.core.errors import InvalidInputError

LEAST_INTERVAL_S, MOST_INTERVAL_S = 0.1, 86_400.0
TERMINAL_INTERVAL_S, PLAIN_INTERVAL_S = 2.0, 30.0
"""The default intervals on a terminal and elsewhere."""
MOST_LOAD = 0.05
"""The largest share of its time in which a watch reads the study; large studies are read less often."""
END_CHECK_S = 0.5
"""How often a watch checks between two intervals whether the search still runs."""


class Display(Protocol):
    """What shows the status of a study again and again."""

    def show(self, study: Study, facts: dict[str, Any]) -> None:
        """Show the status."""
        ...


class Blocks:
    """Plain text: one block of lines for each status."""

    def show(self, study: Study, facts: dict[str, Any]) -> None:
        """Print the status with its time."""
        lines = [_now(), *status_lines(study, facts)]
        sys.stdout.write("\n".join(lines) + "\n\n")
        sys.stdout.flush()


class JsonLines:
    """One line of JSON for each status, with its ``time``."""

    def show(self, study: Study, facts: dict[str, Any]) -> None:
        """Print the status."""
        sys.stdout.write(json.dumps({"time": _now(), **facts}, allow_nan=False) + "\n")
        sys.stdout.flush()


def print_status(folder: str | Path, *, as_json: bool) -> None:
    """Print the status of a study."""
    study = open_study(folder)
    facts = study.status()
    if as_json:
        print_json(facts)
    else:
        sys.stdout.write("\n".join(status_lines(study, facts)) + "\n")


def watch_status(folder: str | Path, interval_s: float | None, *, as_json: bool) -> None:
    """Show the status of a study again and again until its driver ends.

    The watch reads the ledger and the lock of the driver, which works with every executor.

    Args:
        folder: The study's folder.
        interval_s: Seconds between two readings; None for the default of the output.
        as_json: Print lines of JSON.

    Raises:
        InvalidInputError: The interval is out of range, there is no study, or it was moved or deleted.
    """
    is_terminal = sys.stdout.isatty() and not as_json
    interval_s = _checked(interval_s, TERMINAL_INTERVAL_S if is_terminal else PLAIN_INTERVAL_S)
    place = open_study(folder).folder
    with ExitStack() as opened:
        opened.enter_context(patient(Wait()))
        display: Display = JsonLines() if as_json else Blocks()
        if is_terminal:
            display = opened.enter_context(Screen(sys.stdout))
        while True:
            began_s = time.process_time()
            study, facts = _read(place)
            display.show(study, facts)
            if not facts["is_running"]:
                break
            used_s = time.process_time() - began_s
            _wait(place, max(interval_s, used_s / MOST_LOAD))
    if not as_json:
        sys.stdout.write(_end_text(study) + "\n")


def _read(folder: Path) -> tuple[Study, dict[str, Any]]:
    """Return a study and its status; a driver that ends meanwhile is read again with its last records."""
    while True:
        was_running = is_locked(folder)
        try:
            study = open_study(folder)
            facts = study.status()
        except InvalidInputError:
            if holds_study(folder):
                raise
            raise InvalidInputError(f"{folder} no longer holds the study; it was moved or deleted") from None
        if facts["is_running"] or not was_running:
            return study, facts


def _checked(interval_s: float | None, default_s: float) -> float:
    if interval_s is None:
        return default_s
    if not LEAST_INTERVAL_S <= interval_s <= MOST_INTERVAL_S:
        raise InvalidInputError(
            f"--interval must be from {LEAST_INTERVAL_S:g} to {MOST_INTERVAL_S:,.0f} seconds, but got {interval_s:g}"
        )
    return interval_s


def _wait(folder: Path, interval_s: float) -> None:
    """Wait for the next interval, or until no driver runs."""
    until_s = time.monotonic() + interval_s
    while (left_s := until_s - time.monotonic()) > 0 and is_locked(folder):
        time.sleep(min(left_s, END_CHECK_S))


def _end_text(study: Study) -> str:
    """Return why the watch ends."""
    if study.complete:
        return f"the study is complete; 'mgnas front {shell_word(study.folder)}' prints its front"
    return f"no search runs in {study.folder}; 'mgnas search {shell_word(study.folder)}' resumes it"


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
