"""The report of a running search as a page that refreshes itself, without a change of the written report."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from results.loopback import Environ, StartResponse, answer
from results.open import Study, open_study
from results.report.page import render_report
from results.storage.driver_lock import is_locked
from results.storage.reading import ledger_mark
from space.core.text import plural

MOST_LOAD = 0.1
"""The largest share of its time in which the page is written again; large studies are written less often."""
LEAST_GAP_S = 3.0
"""The least time between two versions of the page."""
VIEWED_S = 15.0
"""The page is rewritten only if a request arrived within this time."""
_POLICY = re.compile(r'(<meta http-equiv="Content-Security-Policy" content="[^"]*)"')


class LiveReport:
    """The report of the study in ``folder``, written again after changes of its ledger.

    Raises:
        InvalidInputError: There is no study, or it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._version = 0
        self._page = b""
        self._text = ""
        self._state = ""
        self._viewed_s = -VIEWED_S
        self._due_s = 0.0
        self._mark: object = None
        self._render()

    @property
    def state(self) -> str:
        """``searching``, ``complete``, or ``stopped`` without a driver before the end."""
        return self._state

    def refresh(self) -> None:
        """Write the page again if the ledger has changed, somebody looks, and the last time is long enough ago.

        Raises:
            InvalidInputError: The study was moved or deleted, or it is damaged.
        """
        mark = (ledger_mark(self.folder), is_locked(self.folder))
        if mark == self._mark:
            return
        now_s = time.monotonic()
        has_ended = self._state == "searching" and not mark[1]
        if has_ended or (now_s >= self._due_s and now_s - self._viewed_s < VIEWED_S):
            self._render()

    def _render(self) -> None:
        began_s = time.monotonic()
        self._mark = mark = (ledger_mark(self.folder), is_locked(self.folder))
        study = open_study(self.folder)
        page = render_report(study)
        self._version += 1
        self._state = "searching" if mark[1] else "complete" if study.complete else "stopped"
        self._text = _badge(study, self._state)
        self._page = _with_script(page, self._version).encode()
        end_s = time.monotonic()
        self._due_s = end_s + max(LEAST_GAP_S, (end_s - began_s) / MOST_LOAD)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request for the page (``/``) or its state (``/state``)."""
        path = environ.get("PATH_INFO", "/")
        if path == "/":
            self._viewed_s = time.monotonic()
            return answer(start_response, "200 OK", self._page, "text/html; charset=utf-8")
        if path == "/state":
            self._viewed_s = time.monotonic()
            state = {"version": str(self._version), "state": self._state, "text": self._text}
            return answer(start_response, "200 OK", json.dumps(state).encode(), "application/json")
        return answer(start_response, "404 Not Found", b"the report is at /\n")


def _badge(study: Study, state: str) -> str:
    """Return the text in the corner of the page."""
    if state == "complete":
        return "complete"
    done = f"{study.num_finished:,} of {plural(study.header.trials, 'trial')}, {datetime.now():%H:%M:%S}"
    return f"searching: {done}" if state == "searching" else f"no search runs: {done}"


def _with_script(page: str, version: int) -> str:
    """Return a report with the script that reloads it, and the permission to ask this server for its state."""
    page = _POLICY.sub(r"\1; connect-src 'self'" + '"', page, count=1)
    script = files("results.report").joinpath("live.js").read_text(encoding="utf-8")
    head, end, rest = page.rpartition("</body>")
    assert end, "a report ends with its body"
    icon = '<link rel="icon" href="data:,">'
    return f'{head}{icon}<script data-version="{version}">\n{script}</script>\n{end}{rest}'
