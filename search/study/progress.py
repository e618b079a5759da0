"""Live progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TextIO

PLAIN_EVERY_S = 10.0
PLAIN_SHARE = 1 / 60
PLAIN_AT_MOST_S = 120.0
"""The gap between plain lines: this fraction of the elapsed time, from ten seconds to two minutes."""


class State(Protocol):
    """The state of a long task: a count, a total, and figures as text."""

    @property
    def done(self) -> int:
        """The count so far."""
        ...

    @property
    def total(self) -> int:
        """The total."""
        ...

    def text(self) -> str:
        """Return the figures as one line."""
        ...


class Progress(Protocol):
    """The display of a long task."""

    def update(self, snapshot: State) -> None:
        """Show the state; called often."""
        ...

    def note(self, text: str) -> None:
        """Show a permanent line."""
        ...

    def close(self) -> None:
        """Restore the screen."""
        ...


class Silent:
    """A display that shows nothing."""

    def update(self, snapshot: State) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Plain:
    """Plain lines for logs: one every ten seconds at first, fewer later, and one at the end."""

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
        """Print a line. Errors are ignored: no reader, a full disk, a closed stream."""
        with suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Print the last state, if it was not printed."""
        if self._last is not None and self._last != self._shown:
            self._show(self._last)


class Bar:
    """A progress bar with figures, redrawn in place."""

    def __init__(self, stream: TextIO, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress
        from rich.table import Column

        # stdout is for results, so it is not redirected; the bar starts with the first update
        self._progress = RichProgress(
            TextColumn(what),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            # long figures are cut at the end of the line
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
        """Print a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Stop redrawing."""
        self._progress.stop()


def progress_for(stream: TextIO | None, what: str = "trials") -> Progress:
    """Return a bar if ``stream`` is a terminal, and plain lines otherwise.

    Args:
        stream: The stream; None (as ``sys.stderr`` in daemons) or a closed one shows nothing.
        what: The counted noun.
    """
    if stream is None or getattr(stream, "closed", False):
        return Silent()
    return Bar(stream, what) if stream.isatty() else Plain(stream, what)


@contextmanager
def said_if_long(progress: Progress, what: str, after_s: float = 2.0) -> Iterator[None]:
    """Show ``what`` as a line if the block takes longer than ``after_s`` seconds."""
    timer = threading.Timer(after_s, progress.note, [f"{what} ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
