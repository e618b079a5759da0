"""The entry point of the command: errors become one line and an exit code; nothing slow is imported here."""

from __future__ import annotations

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


def main() -> None:
    """Run ``mgnas`` and exit: 0 success, 2 a user's error, 1 our own, 130 Ctrl-C, 143 SIGTERM."""
    leave_current_folder()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run ``mgnas`` with ``arguments`` and return its exit code; errors are one line on stderr."""
    ending = EndOnce()
    ending.install()
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return 130
    finally:
        ending.finish()


def _run(arguments: list[str]) -> int:
    import typer

    from search.cli.app import app
    from space.core.errors import MgnasError
    from space.core.system_errors import explain_system_error

    fill_closed_descriptors()
    sys.stdout = _opened(sys.stdout)
    sys.stderr = _opened(sys.stderr)
    try:
        code = app(arguments or ["--help"], prog_name="mgnas", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except MgnasError as error:
        return _complain(str(error))
    except typer.TyperException as error:
        message = " ".join(_with_value(error, arguments).split())
        return _complain(f"{message} (see 'mgnas --help')" if message else "see 'mgnas --help'")
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        return _not_read()
    except SystemExit as error:
        if error.code == 1 and isinstance(error.__context__, BrokenPipeError):  # typer has caught it
            return _not_read()
        raise
    except MemoryError as error:
        reason = f" ({error})" if str(error) else ""
        return _complain(f"there is not enough memory{reason}: end other programs, or bring smaller images")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _complain(
            f"{place}{explain_system_error(error)}. Run the same command again; what was recorded is kept"
        )
    except Exception as error:
        return _confess(error)
    finally:
        _flush_errors()


def _opened(stream: TextIO | None) -> TextIO:
    """Return a stream that takes every text, also where there is none or its encoding is a small one."""
    if stream is None:
        return io.StringIO()
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="backslashreplace")
    return stream


def _not_read() -> int:
    """End well: the reader of our output has gone (``mgnas front DIR | head``), which is not an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _flush_errors() -> None:
    """Write what stderr still holds; where that fails, drop it, or Python exits with a code of its own."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _with_value(error: Exception, arguments: list[str]) -> str:
    """Return what typer says of an option, with the value that it leaves out."""
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


def _complain(message: str) -> int:
    _say(f"mgnas: {' '.join(message.split())}")
    return 2


def _say(line: str) -> None:
    with suppress(OSError):  # nobody listens, or a log's disk is full: the exit code says it
        sys.stderr.write(f"{line}\n")


def _confess(error: Exception) -> int:
    """Say that mgnas itself is at fault, and leave the traceback where it can be found.

    Where the error comes out of a plugin's code, it is the user's.
    """
    from space.core.errors import reason_of

    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if str(frame.f_globals.get("__name__", "")).startswith("mgnas_plugin_"):
            file = frame.f_globals.get("__file__")
            return _complain(f"the plugin {file} fails: line {line}: {reason_of(error)}")
    with tempfile.NamedTemporaryFile(
        "w", prefix="mgnas-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        traceback.print_exception(error, file=file)
    _say(f"mgnas: this is a bug in mgnas ({type(error).__name__}); {file.name} says where")
    return 1


if __name__ == "__main__":
    main()
