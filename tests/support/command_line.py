"""The command line in tests: ``mgnas`` runs it in this process, ``mgnas_process`` in one of its own."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from space.networks import families
from tests.support.waiting import MOST_S

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def mgnas(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``mgnas`` in this process: importing torch for each command would take most of a test's time.

    Workers are processes all the same. Tests of signals, streams, limits and imports call ``mgnas_process``.
    """
    from search.cli.main import run

    typed = [str(argument) for argument in arguments]
    stdout, stderr = _Stream(), _Stream()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        process_state_restored(),
    ):
        code = run(typed)
    return subprocess.CompletedProcess(typed, code, stdout.text(), stderr.text())


class _Stream(io.TextIOWrapper):
    """What a process has for a pipe: UTF-8 text over bytes, and no terminal."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode("utf-8")


@contextlib.contextmanager
def process_state_restored() -> Iterator[None]:
    """Restore what a command changes in its process: handlers, threads, environment, families of plugins."""
    handlers = {one: signal.getsignal(one) for one in SIGNALS}
    threads = torch.get_num_threads()
    environment, registered = dict(os.environ), dict(families._families)
    try:
        yield
    finally:
        for one, handler in handlers.items():
            signal.signal(one, handler)
        torch.set_num_threads(threads)
        families._families.clear()
        families._families.update(registered)
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)


def mgnas_process(
    *arguments: str | Path, cwd: Path, timeout: float = 2 * MOST_S, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``mgnas`` in a process of its own."""
    return subprocess.run(
        command(*arguments), cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )


def command(*arguments: str | Path) -> list[str]:
    """Return the command of a process that runs ``mgnas``."""
    return [sys.executable, "-P", "-c", "from search.cli.main import main; main()", *map(str, arguments)]
