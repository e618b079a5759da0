"""The event log of a study: ``logs/events.jsonl``, one JSON object for each job, lost worker and run."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EVENTS = "events.jsonl"
EARLIER_EVENTS = "events.1.jsonl"
MOST_BYTES = 8 * 2**20
"""The size from which a new file begins; one earlier file is kept. A line has about 300 bytes."""


class EventLog:
    """A file of JSON lines that grows to ``MOST_BYTES``; one earlier file is kept.

    Each line is written at once. An error, such as a full disk, loses lines and nothing else.

    Args:
        folder: The folder of the files; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_torn = False

    def write(self, event: str, **fields: Any) -> None:
        """Append a line with the time, the event, the host and the process of the driver.

        Args:
            event: The name of the event.
            fields: The further fields; those that are None are left out.
        """
        known = {name: value for name, value in fields.items() if value is not None}
        facts = {"time": now_text(), "event": event, "host": platform.node(), "pid": os.getpid()} | known
        line = json.dumps(facts, ensure_ascii=False, default=str) + "\n"
        with suppress(OSError):
            self._append(line.encode("utf-8", "backslashreplace"))

    def _append(self, line: bytes) -> None:
        path = self._folder / EVENTS
        with suppress(FileNotFoundError):
            if path.stat().st_size + len(line) > MOST_BYTES:
                path.replace(self._folder / EARLIER_EVENTS)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            line = b"\n" * self._is_torn + line
            self._is_torn = os.write(descriptor, line) < len(line)
        finally:
            os.close(descriptor)


@contextmanager
def logged_run(log: EventLog, settings: Mapping[str, Any]) -> Iterator[None]:
    """Write the begin and the end of a run of the driver, and why it ended.

    Args:
        log: The event log.
        settings: The settings of the run.
    """
    log.write("run_began", **settings)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        log.write("run_ended", outcome="stopped")
        raise
    except BaseException as error:
        log.write("run_ended", outcome="failed", reason=str(error) or type(error).__name__)
        raise
    log.write("run_ended", outcome="complete")


def now_text() -> str:
    """Return the time of day in UTC, as ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
