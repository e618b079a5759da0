"""Live progress on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TextIO

PLAIN_EVERY_S = 10.0
PLAIN_SHARE = 1 / 60
PLAIN_AT_MOST_S = 120.0
"""Plain lines are this share of the time so far apart, and from ten seconds to two minutes."""


class State(Protocol):
    """Where something stands that takes long: so much of a total is done, and figures in words."""

    @property
    def done(self) -> int:
        """How much is done."""
        ...

    @property
    def total(self) -> int:
        """How much there is to do."""
        ...

    def text(self) -> str:
        """Return the figures in words, for one line."""
        ...


class Progress(Protocol):
    """Somebody who is told how a search, or something else that takes long, goes."""

    def update(self, snapshot: State) -> None:
        """Show where it stands; called often."""
        ...

    def note(self, text: str) -> None:
        """Show a sentence that stays."""
        ...

    def close(self) -> None:
        """Leave the screen in order."""
        ...


class Silent:
    """No progress at all, for use from Python."""

    def update(self, snapshot: State) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Plain:
    """A line every ten seconds at first, less often later, and one at the end, for logs."""

    def __init__(self, stream: TextIO, what: str) -> None:
        self._stream = stream
        self._what = what
        self._last: State | None = None
        self._shown: State | None = None
        self._began = time.monotonic()
        self._due = self._began + 1.0

    def update(self, snapshot: State) -> None:
        """Print a line if one is due."""
        self._last = snapshot
        if time.monotonic() >= self._due:
            self._show(snapshot)

    def _show(self, snapshot: State) -> None:
        now = time.monotonic()
        self._due = now + min(max((now - self._began) * PLAIN_SHARE, PLAIN_EVERY_S), PLAIN_AT_MOST_S)
        self._shown = snapshot
        self.note(f"{self._what} {snapshot.done}/{snapshot.total}, {snapshot.text()}")

    def note(self, text: str) -> None:
        """Print a sentence. Errors are ignored: no reader, a full disk, a closed stream."""
        with suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Print the last state, if it has not been shown."""
        if self._last is not None and self._last != self._shown:
            self._show(self._last)


class Bar:
    """A bar with the figures behind it, redrawn in place."""

    def __init__(self, stream: TextIO, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress
        from rich.table import Column

        # stdout is the result's and stays as it is; the bar begins with the first update
        self._progress = RichProgress(
            TextColumn(what),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            # what has no room is cut off at its end, and the line stays one
            TextColumn(
                "{task.fields[figures]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            ),
            expand=True,
            console=Console(file=stream),
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task(what, total=None, figures="")

    def update(self, snapshot: State) -> None:
        """Move the bar."""
        self._progress.start()
        self._progress.update(
            self._task, completed=snapshot.done, total=snapshot.total, figures=snapshot.text()
        )

    def note(self, text: str) -> None:
        """Print a sentence above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Stop redrawing."""
        self._progress.stop()


def progress_for(stream: TextIO | None, what: str = "trials") -> Progress:
    """Return a bar if ``stream`` is a terminal, plain lines otherwise; ``what`` is counted.

    There is no progress where ``stream`` is None, as ``sys.stderr`` is in daemons, or closed.
    """
    if stream is None or getattr(stream, "closed", False):
        return Silent()
    return Bar(stream, what) if stream.isatty() else Plain(stream, what)


@contextmanager
def said_if_long(progress: Progress, what: str, after_s: float = 2.0) -> Iterator[None]:
    """Say ``what`` is being done, if it takes longer than ``after_s``."""
    timer = threading.Timer(after_s, progress.note, [f"{what} ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
