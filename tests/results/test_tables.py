"""Tables on terminals of every width, and in files."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from contextlib import suppress
from dataclasses import replace
from typing import TextIO

import pytest

from results.tables import print_front, print_table
from tests.support.factories import make_trial

HEADER = ("trial", "network", "parameters", "arch")
ROWS = [("7", "MgNet[2,2]-8-B^l", "1,234", "abcdef012345")]


def printed_on_a_terminal(columns: int, rows: list[tuple[str, ...]] = ROWS) -> list[str]:
    """Print the table on a pseudo-terminal of that width and return its lines."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        print_table(HEADER, rows, stream, text_columns=(1, 3), optional=("arch", "network"))
    chunks = []
    with suppress(OSError):  # what Linux says at the end of a terminal that was closed
        while chunk := os.read(master, 65536):
            chunks.append(chunk)
    os.close(master)
    return b"".join(chunks).decode().splitlines()


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (80, ["trial", "network", "parameters", "arch"]),
        (40, ["trial", "network", "parameters"]),
        (30, ["trial", "parameters"]),
        (5, ["trial", "parameters"]),
        (0, ["trial", "network", "parameters", "arch"]),  # the terminal does not tell
    ],
)
def test_table_drops_optional_columns_where_a_terminal_is_narrow(columns: int, names: list[str]) -> None:
    lines = printed_on_a_terminal(columns)
    assert lines[0].split() == names
    left_out = [name for name in HEADER if name not in names]
    assert len(lines) == 3 + bool(left_out)
    if left_out:
        assert f"too narrow for: {', '.join(left_out)};" in lines[-1]
    if columns >= 30:
        assert all(len(line) <= columns for line in lines[:3])


def test_front_in_a_file_has_every_column_at_any_length() -> None:
    trial = make_trial(0)
    long = replace(trial, notation=trial.notation * 20)
    stream: TextIO = io.StringIO()
    print_front([long], stream)
    head, _, row = stream.getvalue().splitlines()
    assert {"trial", "network", "arch"} <= set(head.split())
    assert long.notation in row
