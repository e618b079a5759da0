"""Live progress on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TextIO

from results.scales import duration

PLAIN_EVERY_S = 10.0


@dataclass(frozen=True)
class Snapshot:
    """Where a search stands."""

    done: int
    total: int
    failed: int
    front_size: int
    hypervolume: float
    best_accuracy: float | None
    left_s: float | None

    @property
    def urgent(self) -> bool:
        """Trials go on."""
        return False

    def text(self) -> str:
        """Return the figures in words, for one line."""
        best = "-" if self.best_accuracy is None else f"{100 * self.best_accuracy:.2f} %"
        parts = [
            f"front {self.front_size}",
            f"hypervolume {self.hypervolume:.4f}",
            f"best {best}",
            f"left {duration(self.left_s)}",
        ]
        return ", ".join([*parts, f"failed {self.failed}"] if self.failed else parts)


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

    @property
    def urgent(self) -> bool:
        """Whether it is to be shown at once, since the next state may be long in coming."""
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
    """A line every ten seconds, and one at the end, for logs."""

    def __init__(self, stream: TextIO, what: str) -> None:
        self._stream = stream
        self._what = what
        self._last: State | None = None
        self._shown: State | None = None
        self._due = time.monotonic() + 1.0

    def update(self, snapshot: State) -> None:
        """Print a line if one is due."""
        self._last = snapshot
        if snapshot.urgent or time.monotonic() >= self._due:
            self._show(snapshot)

    def _show(self, snapshot: State) -> None:
        self._due = time.monotonic() + PLAIN_EVERY_S
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

        # stdout is the result's and stays as it is; the bar begins with the first update
        self._progress = RichProgress(
            TextColumn(what),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
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
        self._progress.console.print(text, markup=False, highlight=False)

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
