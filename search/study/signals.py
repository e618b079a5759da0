"""Signals that end a command: once, with one exit code, and never while it writes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
BURST_S = 1.0
"""Signals that follow the first one within this time count as one: a key that was held down."""
FORCE_AFTER_S = 5.0
"""A signal this long after the first one ends the process at once: its end does not come by itself."""


class EndOnce:
    """A handler of SIGINT and SIGTERM: the first one ends the command, others do not disturb its end.

    SIGINT raises KeyboardInterrupt; SIGTERM raises SystemExit(143).
    """

    def __init__(self) -> None:
        self._began_s: float | None = None

    def install(self) -> None:
        """Handle both signals; one that the process ignores (``nohup``) stays ignored."""
        for one in SIGNALS:
            if signal.getsignal(one) is not signal.SIG_IGN:
                signal.signal(one, self)

    def finish(self) -> None:
        """After the first signal, ignore all further ones, also while Python shuts down."""
        if self._began_s is not None:
            for one in SIGNALS:
                signal.signal(one, signal.SIG_IGN)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take one signal."""
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s = now_s
            if number == signal.SIGTERM:
                sys.exit(128 + number)
            raise KeyboardInterrupt
        if now_s - self._began_s >= FORCE_AFTER_S:
            os._exit(128 + number)


@contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Hold SIGINT and SIGTERM back until the function that is given is called, or the end is reached.

    Further signals within ``BURST_S`` of one that is held back are dropped. Later ones are not held back,
    nor is a signal that ends the process at once, as SIGTERM does by default. Only the main thread can hold
    signals back; in others this does nothing.
    """
    waiting: list[int] = []
    first_s: list[float] = []
    before: dict[signal.Signals, Callable[[int, FrameType | None], Any]] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {one: signal.getsignal(one) for one in SIGNALS}
        before = {one: handler for one, handler in handlers.items() if callable(handler)}

    def hold(number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if not first_s:
            first_s.append(now_s)
            waiting.append(number)
        elif not waiting or now_s - first_s[0] >= BURST_S:
            before[signal.Signals(number)](number, frame)

    def let_through() -> None:
        if waiting:
            number = waiting.pop()
            before[signal.Signals(number)](number, None)

    for one in before:
        signal.signal(one, hold)
    try:
        yield let_through
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    let_through()
