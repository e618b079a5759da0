"""Signals that end a search wait until nothing is being written."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from search.stopping import held_back


def test_a_signal_waits_and_a_second_one_does_not() -> None:
    before = signal.getsignal(signal.SIGINT)
    with held_back() as let_through:
        let_through()
        os.kill(os.getpid(), signal.SIGINT)  # nothing happens
        with pytest.raises(KeyboardInterrupt):
            let_through()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_nobody_asked_for_again_is_raised_at_the_end() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), held_back():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_error_is_not_replaced_by_a_signal() -> None:
    def fail() -> None:
        with held_back():
            os.kill(os.getpid(), signal.SIGINT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_each_signal_calls_a_handler_that_returns_once() -> None:
    calls: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: calls.append(number))
    try:
        with held_back() as let_through:
            os.kill(os.getpid(), signal.SIGTERM)
            assert calls == []
            for _ in range(3):
                let_through()
            assert calls == [signal.SIGTERM]
            os.kill(os.getpid(), signal.SIGTERM)  # a second one is not held back
            assert len(calls) == 2
        assert len(calls) == 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_ends_a_process_at_once_does_so() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with held_back():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_in_another_thread_nothing_is_held_back() -> None:
    found = []

    def run() -> None:
        with held_back() as let_through:
            let_through()
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
