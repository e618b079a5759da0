"""The errors that a user can cause, under one base, and how values and words are shown in them."""

from __future__ import annotations

from typing import Any

SHOWN = 80
"""A value in a message has at most about so many characters."""
_ITEMS = 8
_DEPTH = 3


class MgnasError(Exception):
    """Base of all errors that mgnas raises for users. The text is one line."""


class InvalidInputError(MgnasError, ValueError):
    """A value, file or folder breaks a rule. The text names the value, the rule and what to do."""


class UnbuildableError(InvalidInputError):
    """A network of a family of one's own cannot be made from its spec, or the spec from its hyperparameters."""


def reason_of(error: BaseException) -> str:
    """Return kind and text of an error of somebody else's code as one line."""
    try:
        text = str(error)
    except Exception:  # it does not even say what it is
        text = ""
    return f"{type(error).__name__}: {shortened(text)}"


def nearest(word: str, known: list[str] | tuple[str, ...]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known word closest to ``word``, or ``""`` if none is close."""
    from difflib import get_close_matches

    matches = get_close_matches(word[:SHOWN], known, n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def shortened(text: str) -> str:
    """Return ``text`` as one line, its middle left out if it is long."""
    if len(text) > 4 * SHOWN:
        text = f"{text[: 2 * SHOWN]} ... {text[-SHOWN:]}"
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 24]} ... {line[-19:]}"


def shown(value: Any, depth: int = 0) -> str:
    """Return a value as a study file would spell it, ``{low = 1, high = 2}`` or ``true``, shortened if long.

    Only the beginning of a value is looked at, so that neither a text of a megabyte nor lists in lists
    without end cost anything.
    """
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int) and value.bit_length() > 256:
        # Python refuses to write numbers of several thousand digits
        text = f"a number of about {int(value.bit_length() * 0.30103) + 1} digits"
    elif isinstance(value, str):
        text = repr(value if len(value) <= SHOWN else f"{value[: SHOWN - 24]} ... {value[-19:]}")
    elif isinstance(value, (list, tuple, dict)) and depth == _DEPTH:
        text = "..."
    elif isinstance(value, dict):
        pairs = [f"{_key(key)} = {shown(item, depth + 1)}" for key, item in list(value.items())[:_ITEMS]]
        text = "{" + ", ".join(pairs + ["..."] * (len(value) > _ITEMS)) + "}"
    elif isinstance(value, (list, tuple)):
        items = [shown(item, depth + 1) for item in value[:_ITEMS]]
        text = "[" + ", ".join(items + ["..."] * (len(value) > _ITEMS)) + "]"
    else:
        text = "nothing" if value is None else repr(value)
    return text if isinstance(value, str) else shortened(text)


def _key(key: Any) -> str:
    return key if isinstance(key, str) and key.isidentifier() else shown(key, _DEPTH)
