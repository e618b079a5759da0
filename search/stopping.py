"""Signals that end a search, held back while it writes: what is written is whole or not there."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Hold SIGINT and SIGTERM back until the function that is given is called, or the end is reached.

    A second one is not held back, nor one that ends the process at once, as SIGTERM does by default. In any
    thread but the main one, which alone may do so, nothing is.
    """
    waiting: list[int] = []
    came: list[int] = []
    before: dict[signal.Signals, Callable[[int, FrameType | None], Any]] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {one: signal.getsignal(one) for one in SIGNALS}
        before = {one: handler for one, handler in handlers.items() if callable(handler)}

    def hold(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            waiting.append(number)
        else:
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
