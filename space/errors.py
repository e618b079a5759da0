"""The errors that a user can cause, under one base."""


class MgnasError(Exception):
    """Base of every error that mgnas raises on purpose; its text is one line made for a person."""


class InvalidInputError(MgnasError, ValueError):
    """A value, file or folder from the user breaks a rule: the text names value, rule and what to do."""


def nearest(word: str, known: "list[str] | tuple[str, ...]") -> str:
    """Return ``"; did you mean 'x'?"`` for the known word closest to ``word``, or ``""`` if none is close."""
    from difflib import get_close_matches

    matches = get_close_matches(word, known, n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""
