"""Signals that end a search wait for the end of a write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from search.study.signals import SIGNALS, EndOnce, held_back
from tests.support.waiting import MOST_S


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


def test_signals_in_quick_succession_count_as_one() -> None:
    with held_back() as let_through:
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGINT):
            os.kill(os.getpid(), number)  # nothing happens
        with pytest.raises(KeyboardInterrupt):
            let_through()
        let_through()


def test_a_held_signal_does_not_hold_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.study.signals.BURST_S", 0.0)

    def be_interrupted_twice() -> None:
        with held_back():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("the second signal was held back")

    with pytest.raises(KeyboardInterrupt):
        be_interrupted_twice()


@pytest.mark.parametrize(
    ("number", "ends_with"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_the_end_of_a_command_is_not_disturbed_by_more_signals(
    number: signal.Signals, ends_with: type[BaseException]
) -> None:
    before = {one: signal.getsignal(one) for one in SIGNALS}
    ending = EndOnce()
    try:
        ending.install()
        with pytest.raises(ends_with):
            os.kill(os.getpid(), number)
        for one in SIGNALS:
            os.kill(os.getpid(), one)  # nothing happens
        ending.finish()
        assert {signal.getsignal(one) for one in SIGNALS} == {signal.SIG_IGN}
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@pytest.mark.slow
def test_a_command_that_does_not_end_is_ended_by_a_late_signal() -> None:
    code = """
import os, signal, search.study.signals as stopping
stopping.FORCE_AFTER_S = 0.0
stopping.EndOnce().install()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=MOST_S, check=False).returncode == 130


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_a_finalizer_ends_the_command(number: signal.Signals, code: int) -> None:
    program = f"""
import os, sys, time, weakref
from search.study.signals import EndOnce

class Collected:
    pass

def finalize(_):
    os.kill(os.getpid(), {int(number)})
    time.sleep(0)  # Python calls the handler here, and drops what it raises

EndOnce().install()
collected = Collected()
reference = weakref.ref(collected, finalize)
try:
    del collected
    time.sleep(600)
except KeyboardInterrupt:
    sys.exit(130)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=MOST_S, check=False)
    assert (done.returncode, done.stderr) == (code, b"")


def test_another_exception_in_a_finalizer_is_told_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: told.append(dropped.exc_type))
    before = {one: signal.getsignal(one) for one in SIGNALS}
    ending = EndOnce()
    try:
        ending.install()

        class Fails:
            def __del__(self) -> None:
                raise ZeroDivisionError

        Fails()
        assert told == [ZeroDivisionError]
        ending.finish()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


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
