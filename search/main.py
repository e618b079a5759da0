"""The entry point of the command: errors become one line and an exit code; nothing slow is imported here."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
import traceback
from types import FrameType


def main() -> None:
    """Run ``mgnas`` and exit: 0 success, 2 a user's error, 1 our own, 130 Ctrl-C, 143 SIGTERM."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run ``mgnas`` with ``arguments`` and return its exit code; errors are one line on stderr."""
    import typer

    from search.cli import app
    from space.errors import MgnasError

    if sys.stdout is None:  # the shell closed it
        sys.stdout = io.StringIO()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = app(arguments or ["--help"], prog_name="mgnas", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except MgnasError as error:
        return _complain(str(error))
    except typer.TyperException as error:
        message = " ".join(error.format_message().split())
        return _complain(f"{message} (see 'mgnas --help')" if message else "see 'mgnas --help'")
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # the reader of our output has gone (mgnas front DIR | head): not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        return _complain(
            f"{error.strerror or error}{place}: check that the place can be written to and has space left, "
            "and run the same command again; what was recorded is kept"
        )
    except Exception as error:
        return _confess(error)


def _complain(message: str) -> int:
    sys.stderr.write(f"mgnas: {' '.join(message.split())}\n")
    return 2


def _confess(error: Exception) -> int:
    """Say that mgnas itself is at fault, and leave the traceback where it can be found.

    Where the error comes out of a plugin's code, it is the user's.
    """
    from space.errors import reason_of

    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if str(frame.f_globals.get("__name__", "")).startswith("mgnas_plugin_"):
            file = frame.f_globals.get("__file__")
            return _complain(f"the plugin {file} fails: line {line}: {reason_of(error)}")
    with tempfile.NamedTemporaryFile("w", prefix="mgnas-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    sys.stderr.write(f"mgnas: this is a bug in mgnas ({type(error).__name__}); {file.name} says where\n")
    return 1


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """End as tidily as after Ctrl-C."""
    sys.exit(143)
