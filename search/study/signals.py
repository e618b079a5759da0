"""SIGINT and SIGTERM: they end a command once, with one exit code, and never during a write."""

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
"""Seconds after the first signal in which further signals, as from a held key, are dropped."""
FORCE_AFTER_S = 5.0
"""Seconds after the first signal from which a further signal ends a hanging process immediately."""

AGAIN_S = 0.02
"""Seconds after which a signal is sent again whose exception Python dropped."""


class EndOnce:
    """A handler of SIGINT and SIGTERM: the first signal ends the command.

    SIGINT raises KeyboardInterrupt; SIGTERM raises SystemExit(143). Further signals within ``FORCE_AFTER_S``
    are ignored; later ones end the process immediately. Python drops an exception inside a finalizer; the signal is
    then sent again.
    """

    def __init__(self) -> None:
        self._began_s: float | None = None
        self._raised: BaseException | None = None
        self._number: int = signal.SIGINT
        self._hook_before = sys.unraisablehook

    def install(self) -> None:
        """Handle both signals. A signal that the process ignores, as under ``nohup``, stays ignored."""
        for one in SIGNALS:
            if signal.getsignal(one) is not signal.SIG_IGN:
                signal.signal(one, self)
        self._hook_before = sys.unraisablehook
        sys.unraisablehook = self._send_again

    def finish(self) -> None:
        """Ignore all further signals if a first one arrived, also while Python shuts down."""
        sys.unraisablehook = self._hook_before
        if self._began_s is not None:
            for one in SIGNALS:
                signal.signal(one, signal.SIG_IGN)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle one signal."""
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s, self._number = now_s, number
            self._raised = SystemExit(128 + number) if number == signal.SIGTERM else KeyboardInterrupt()
            raise self._raised
        if now_s - self._began_s >= FORCE_AFTER_S:
            os._exit(128 + number)

    def _send_again(self, dropped: sys.UnraisableHookArgs) -> None:
        """Send the signal again if Python dropped its exception; pass other exceptions on."""
        if self._raised is None or dropped.exc_value is not self._raised:
            self._hook_before(dropped)
            return
        self._began_s = self._raised = None
        sender = threading.Timer(AGAIN_S, os.kill, (os.getpid(), self._number))  # after the finalizer
        sender.daemon = True
        sender.start()


@contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Delay SIGINT and SIGTERM until the end of the block, or until the yielded function is called.

    Only the first signal is delayed. Further signals within ``BURST_S`` of a delayed signal are dropped.
    Later signals take effect immediately. A signal without a Python handler also takes effect immediately, as
    SIGTERM does by default. Only the main thread can delay signals; in other threads the block has no effect.

    Yields:
        A function that lets the delayed signal take effect.
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
