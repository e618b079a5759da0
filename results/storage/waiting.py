"""Waiting for a study's database while another program locks it, or while its server is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

_logger = logging.getLogger(__name__)

WAIT_S = 300.0
TELL_AFTER_S = 3.0
Result = TypeVar("Result")


class Obstacle(NamedTuple):
    """What a database may be waited for.

    Attributes:
        is_temporary: Whether an error is this obstacle; other errors are raised at once.
        began: The message of a long wait.
        ended: The message after a long wait.
        pause_s: Seconds between two attempts.
    """

    is_temporary: Callable[[Exception], bool]
    began: str
    ended: str
    pause_s: float = 0.0


def _nothing() -> None:
    pass


def _log_only(_text: str) -> None:
    pass


@dataclass
class Wait:
    """How a program waits for a database.

    Attributes:
        limit_s: The longest wait; then the error of the database is raised.
        tell: Called with a message when a wait is long, and when it is over.
        between: Called between two attempts, outside of transactions; it may raise.
    """

    limit_s: float = WAIT_S
    tell: Callable[[str], object] = field(default=_log_only)
    between: Callable[[], None] = field(default=_nothing)

    def run(self, attempt: Callable[[], Result], obstacle: Obstacle) -> Result:
        """Return what ``attempt`` returns; repeat it while the obstacle lasts."""
        began_s, told = time.monotonic(), False
        while True:
            try:
                result = attempt()
            except Exception as error:
                if not obstacle.is_temporary(error) or time.monotonic() - began_s >= self.limit_s:
                    raise
            else:
                if told:
                    self._say(obstacle.ended)
                return result
            if not told and time.monotonic() - began_s >= TELL_AFTER_S:
                told = True
                self._say(f"{obstacle.began}; waiting for at most {self.limit_s:.0f} s{self._meanwhile}")
            self.between()
            time.sleep(obstacle.pause_s)

    @property
    def _meanwhile(self) -> str:
        is_driver = self.between is not _nothing
        return ". Trainings continue, and their results are kept in memory" if is_driver else ""

    def _say(self, text: str) -> None:
        if self.tell is _log_only or _logger.hasHandlers():  # Python prints what no handler takes
            _logger.warning("%s", text)
        self.tell(text)


_current: ContextVar[Wait | None] = ContextVar("wait", default=None)


def current_wait() -> Wait | None:
    """Return how this command waits for servers of databases; None if it does not wait."""
    return _current.get()


@contextmanager
def patient(wait: Wait) -> Iterator[Wait]:
    """Let all reads and writes of the block wait for a server that is away."""
    before = _current.set(wait)
    try:
        yield wait
    finally:
        _current.reset(before)
