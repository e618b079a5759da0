"""User errors with one base class, and the format of values and words in their messages."""

from __future__ import annotations

from typing import Any

SHOWN = 80
"""A value in a message has at most about so many characters."""
_ITEMS = 8
_DEPTH = 3


class MgnasError(Exception):
    """The base class of all user errors of mgnas. The text is one line."""


class InvalidInputError(MgnasError, ValueError):
    """A value, file or folder breaks a rule. The text names the value, the rule and the remedy."""


class UnbuildableError(InvalidInputError):
    """A user's family fails to build a network from its spec, or a spec from its hyperparameters."""


def reason_of(error: BaseException) -> str:
    """Return the type and text of an error of third-party code as one line."""
    try:
        text = str(error)
    except Exception:  # ``__str__`` of the error fails
        text = ""
    return f"{type(error).__name__}: {shortened(text)}"


def nearest(word: str, known: list[str] | tuple[str, ...]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known word closest to ``word``; ``""`` if none is close."""
    from difflib import get_close_matches

    matches = get_close_matches(word[:SHOWN], known, n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def shortened(text: str) -> str:
    """Return ``text`` as one line. A long text loses its middle."""
    if len(text) > 4 * SHOWN:
        text = f"{text[: 2 * SHOWN]} ... {text[-SHOWN:]}"
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 24]} ... {line[-19:]}"


def shown(value: Any, depth: int = 0) -> str:
    """Return a value in the syntax of a study file, ``{low = 1, high = 2}`` or ``true``, shortened if long.

    The function reads only the beginning of a value. Its cost is therefore bounded, even for a text of a
    megabyte or endlessly nested lists.
    """
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int) and value.bit_length() > 256:
        # Python does not convert numbers of several thousand digits to text
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
