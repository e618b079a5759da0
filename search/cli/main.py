"""The entry point of the command: an error becomes one line and an exit code. Slow imports stay inside."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
import traceback
from contextlib import suppress
from typing import TextIO

from search.cli.own_packages import leave_current_folder
from search.study.signals import EndOnce
from search.study.streams import fill_closed_descriptors

SUCCESS, FAILURE, USER_ERROR, INTERRUPTED = 0, 1, 2, 130
USER_PATH_ERRORS = frozenset(
    {
        errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT,
        errno.ENOTDIR, errno.EPERM, errno.EROFS,
    }
)  # fmt: skip
"""System errors of a path that the user chose. Others, such as a full disk, are failures."""


def main() -> None:
    """Run ``mgnas`` and exit: 0 success, 1 failure, 2 a user's error, 130 Ctrl-C, 143 SIGTERM."""
    leave_current_folder()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run ``mgnas`` and print an error as one line on stderr.

    Args:
        arguments: The command and its arguments.

    Returns:
        The exit code: 0 success; 1 a failure during the run, such as a full disk, lost workers, a search in
        which every training fails, or a bug; 2 refused input; 130 Ctrl-C.
    """
    ending = EndOnce()
    ending.install()
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        ending.finish()


def _run(arguments: list[str]) -> int:
    from search.cli.app import app

    fill_closed_descriptors()
    sys.stdout = _opened(sys.stdout)
    sys.stderr = _opened(sys.stderr)
    try:
        code = app(arguments or ["--help"], prog_name="mgnas", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else SUCCESS
    except BrokenPipeError:
        return _ignore_closed_pipe()
    except SystemExit as error:
        if error.code == 1 and isinstance(error.__context__, BrokenPipeError):  # typer caught it
            return _ignore_closed_pipe()
        raise
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return _report(error, arguments)
    finally:
        _flush_errors()


def _report(error: Exception, arguments: list[str]) -> int:
    """Print ``error`` as one line and return its exit code."""
    import typer

    from space.core.errors import InvalidInputError, MgnasError
    from space.core.system_errors import explain_system_error

    if isinstance(error, MgnasError):
        return _print_error(str(error), USER_ERROR if isinstance(error, InvalidInputError) else FAILURE)
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if isinstance(error, typer.TyperException):
        message = " ".join(_with_value(error, arguments).split())
        help_hint = "see 'mgnas --help'"
        return _print_error(f"{message} ({help_hint})" if message else help_hint, USER_ERROR)
    if isinstance(error, MemoryError):
        reason = f" ({error})" if str(error) else ""
        return _print_error(
            f"there is not enough memory{reason}: end other programs, or use smaller images", FAILURE
        )
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        message = f"{place}{explain_system_error(error)}"
        if error.errno in USER_PATH_ERRORS:
            return _print_error(message, USER_ERROR)
        return _print_error(f"{message}. Run the same command again; recorded results are kept", FAILURE)
    return _report_bug(error)


def _opened(stream: TextIO | None) -> TextIO:
    """Return a stream that accepts every text, also for a closed stream or one of an ASCII encoding."""
    if stream is None:
        return io.StringIO()
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="backslashreplace")
    return stream


def _ignore_closed_pipe() -> int:
    """Return success: a reader such as ``head`` closed the pipe, which is not an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return SUCCESS


def _flush_errors() -> None:
    """Flush stderr. On failure, redirect it to the null device, or Python would change the exit code."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _with_value(error: Exception, arguments: list[str]) -> str:
    """Return the message of typer's error, with the wrong value, which typer omits."""
    import typer

    from space.core.errors import shown

    assert isinstance(error, typer.TyperException)
    message = error.format_message()
    names = getattr(getattr(error, "param", None), "opts", [])
    values = [
        text.partition("=")[2] if "=" in text else following
        for text, following in zip(arguments, [*arguments[1:], ""], strict=True)
        if text.partition("=")[0] in names
    ]
    rule, _, _ = message.partition(", unable to parse")
    if rule == message or not values:
        return message
    return f"{rule.replace('Input should be', 'must be')}, but got {shown(values[-1])}"


def _print_error(message: str, code: int) -> int:
    _print_line(f"mgnas: {' '.join(message.split())}")
    return code


def _print_line(line: str) -> None:
    with suppress(OSError):  # stderr is closed, or a log's disk is full: the exit code remains
        sys.stderr.write(f"{line}\n")


def _report_bug(error: Exception) -> int:
    """Write the traceback to a file and print the file's name. An error in a plugin's code is the user's."""
    from space.core.errors import reason_of

    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if str(frame.f_globals.get("__name__", "")).startswith("mgnas_plugin_"):
            file = frame.f_globals.get("__file__")
            return _print_error(f"the plugin {file} fails: line {line}: {reason_of(error)}", USER_ERROR)
    with tempfile.NamedTemporaryFile(
        "w", prefix="mgnas-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        traceback.print_exception(error, file=file)
    _print_line(f"mgnas: this is a bug in mgnas ({type(error).__name__}); the traceback is in {file.name}")
    return FAILURE


if __name__ == "__main__":
    main()
