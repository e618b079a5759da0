"""A cursor over user-written text. Errors show its position."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from space.core.errors import InvalidInputError, nearest, shown

EXAMPLE = "MgNet[2,2]-[(32,48),(64,64)]-A^{l,i}-B^l"
_WORD = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
MOST_DIGITS = 6


class Reader:
    """Reads ``text`` from left to right. It ignores spaces between tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0

    def fail(self, rule: str, at: int | None = None) -> NoReturn:
        """Raise an InvalidInputError at the position ``at``; the default is the next character."""
        pos = self.pos if at is None else at
        got = repr(self.text[pos]) if pos < len(self.text) else "the end"
        raise InvalidInputError(
            f"cannot read {shown(self.text)} as a network: {rule}, but got {got} at character {pos + 1} "
            f"(an example: {EXAMPLE})"
        )

    def at_end(self) -> bool:
        """Return whether only spaces remain."""
        self.skip_spaces()
        return self.pos == len(self.text)

    def skip_spaces(self) -> None:
        """Skip spaces."""
        while self.pos < len(self.text) and self.text[self.pos].isspace():
            self.pos += 1

    def accept(self, token: str) -> bool:
        """Read ``token`` if it is next; return whether it was."""
        self.skip_spaces()
        if not self.text.startswith(token, self.pos):
            return False
        self.pos += len(token)
        return True

    def expect(self, token: str) -> None:
        """Read ``token``, or raise an InvalidInputError."""
        if not self.accept(token):
            self.fail(f"expected {token!r}")

    def one_of(self, tokens: Sequence[str], what: str = "") -> str:
        """Read and return the longest matching token, or raise an InvalidInputError.

        ``what`` describes all tokens.
        """
        for token in sorted(tokens, key=len, reverse=True):
            if self.accept(token):
                return token
        return self.fail(f"expected {what or ' or '.join(tokens)}")

    def word(self, what: str) -> str:
        """Read and return letters, digits and underscores."""
        self.skip_spaces()
        match = _WORD.match(self.text, self.pos)
        if match is None:
            return self.fail(f"expected {what}")
        self.pos = match.end()
        return match.group()

    def known_word(self, known: Sequence[str], what: str) -> str:
        """Read and return one of the ``known`` words, or raise an InvalidInputError with the nearest one."""
        self.skip_spaces()
        start = self.pos
        word = self.word(what)
        if word not in known:
            self.fail(f"unknown {what} {shown(word)}{nearest(word, list(known))}", at=start)
        return word

    def value(self) -> int | float | str:
        """Read and return a number or a word."""
        self.skip_spaces()
        if match := _NUMBER.match(self.text, self.pos):
            digits = match.group()
            if len(digits) > 30:
                self.fail("expected a number of at most 30 characters")
            self.pos = match.end()
            return int(digits) if digits.isdecimal() else float(digits)
        return self.word("a number or a word")

    def number(self) -> int:
        """Read and return a whole number from 1 to 999999."""
        self.skip_spaces()
        end = self.pos
        while end < len(self.text) and self.text[end] in "0123456789":
            end += 1
        digits = self.text[self.pos : end]
        if not digits or len(digits) > MOST_DIGITS or int(digits) < 1:
            self.fail("expected a whole number from 1 to 999999")
        self.pos = end
        return int(digits)

    def numbers(self, what: str) -> list[int]:
        """Read and return numbers in square brackets."""
        if not self.accept("["):
            self.fail(f"expected '[' and the {what}")
        values = [self.number()]
        while self.accept(","):
            values.append(self.number())
        self.expect("]")
        return values

    def widths(self, num_levels: int) -> list[tuple[int, int]]:
        """Read and return (c_u, c_f) of each level.

        The text has one width for all levels, or one width or pair per level.
        """
        if not self.accept("["):
            return [self._width()] * num_levels
        start = self.pos
        widths = [self._width()]
        while self.accept(","):
            widths.append(self._width())
        self.expect("]")
        if len(widths) != num_levels:
            self.fail(f"{num_levels} levels need {num_levels} widths (found {len(widths)})", at=start)
        return widths

    def _width(self) -> tuple[int, int]:
        if not self.accept("("):
            width = self.number()
            return width, width
        c_u = self.number()
        self.expect(",")
        c_f = self.number()
        self.expect(")")
        return c_u, c_f
