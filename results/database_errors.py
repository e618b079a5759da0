"""Errors of a study's database, as one line that says what to do."""

from __future__ import annotations

from space.errors import InvalidInputError, MgnasError


class StorageFullError(MgnasError):
    """The disk has no room for the next record; what was written before is intact."""


def explain_database_error(error: BaseException, place: str) -> MgnasError:
    """Return an error of the database at ``place`` as one line that says what to do."""
    cause = (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]
    if "disk is full" in cause or "disk I/O error" in cause or "No space left" in cause:
        return StorageFullError(
            f"cannot write to {place} ({cause}): is there space left? "
            "Free some and run the same command again; everything recorded so far is kept"
        )
    if "readonly" in cause:
        return InvalidInputError(f"cannot write to {place} ({cause})")
    if "locked" in cause:
        return InvalidInputError(
            f"{place} is in use by another program ({cause}); try again when that has ended"
        )
    if "unable to open" in cause:
        return InvalidInputError(f"cannot open {place} ({cause}): may it be read and written?")
    return InvalidInputError(
        f"{place} is damaged or not a study of mgnas ({cause}); "
        "restore it from a copy, or search in another folder (--dir)"
    )
