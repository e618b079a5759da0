"""Errors of a study's database, as one line with the cause and what to do."""

from __future__ import annotations

from pathlib import Path

from space.core.errors import InvalidInputError, MgnasError
from space.core.system_errors import explain_system_error


class StorageFullError(MgnasError):
    """The disk is full. Earlier records are intact."""


class StudyBusyError(InvalidInputError):
    """Another driver is at work on the study."""


class DatabaseAwayError(InvalidInputError):
    """The server of a study's database does not answer."""


class LeaseLostError(MgnasError):
    """Another driver has taken over the study; this one must not write any more."""


def explain_database_error(error: BaseException, place: str) -> MgnasError:
    """Return an error of the database at ``place`` as one line with the cause and what to do."""
    cause = cause_of(error)
    if "disk is full" in cause or "disk I/O error" in cause or "No space left" in cause:
        advice = "check the disk and its space" if "disk I/O error" in cause else "free some space"
        return StorageFullError(
            f"cannot write to {place} ({cause}): {advice}, then run the same command "
            "again; what was recorded is kept"
        )
    if "readonly" in cause:
        return InvalidInputError(
            f"cannot write to {place} ({cause}): check the permissions of its folder too"
        )
    if "locked" in cause:
        return InvalidInputError(
            f"{place} is in use by another program ({cause}); end that program and run the same command "
            "again: finished epochs are kept"
        )
    if "unable to open" in cause:
        return InvalidInputError(f"cannot open {place}: {_why_not_opened(Path(place), cause)}")
    return InvalidInputError(
        f"{place} is damaged or not a study of mgnas ({cause}); "
        "restore it from a copy, or search in another folder (--dir)"
    )


def _why_not_opened(path: Path, cause: str) -> str:
    """Return the reason of the operating system, which SQLite hides, and what to do."""
    try:
        with path.open("r+b"):
            return f"{cause}; check the permissions of its folder"
    except OSError as error:
        return explain_system_error(error)


def cause_of(error: BaseException) -> str:
    """Return the first informative line; SQLite starts reports with ``*** in database main ***``."""
    lines = str(getattr(error, "orig", None) or error).splitlines()
    said = [line.strip() for line in lines if line.strip() and not line.startswith("***")]
    return said[0] if said else type(error).__name__
