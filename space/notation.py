"""The papers' notation, both ways: ``MgNet[2,2]-[(32,48),(64,64)]-A^{l,i}-B^l``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from space.errors import InvalidInputError, shown

if TYPE_CHECKING:
    from space.mgnet import MgNetSpec, Sharing

EXAMPLE = "MgNet[2,2]-[(32,48),(64,64)]-A^{l,i}-B^l"
_SHARING: dict[str, Sharing] = {"l": "level", "{l,i}": "iteration"}
_SUPERSCRIPT = {sharing: text for text, sharing in _SHARING.items()}


def format_mgnet(spec: MgNetSpec) -> str:
    """Return the shortest notation of ``spec``; image channels and classes are not part of it."""
    widths = [(level.c_u, level.c_f) for level in spec.levels]
    if any(c_u != c_f for c_u, c_f in widths):
        width = "[" + ",".join(f"({c_u},{c_f})" for c_u, c_f in widths) + "]"
    elif len(set(widths)) > 1:
        width = "[" + ",".join(str(c_u) for c_u, _ in widths) + "]"
    else:
        width = str(widths[0][0])
    nu = ",".join(str(level.nu) for level in spec.levels)
    a = "" if spec.share_a == "level" else f"-A^{_SUPERSCRIPT[spec.share_a]}"
    return f"MgNet[{nu}]-{width}{a}-B^{_SUPERSCRIPT[spec.share_b]}"


def parse_notation(text: str, *, in_channels: int = 3, num_classes: int = 10) -> MgNetSpec:
    """Return the spec that ``text`` writes down; spaces do not matter, a missing ``-A^..`` means ``A^l``.

    Raises:
        InvalidInputError: the text is not the notation of a network; the message points at the character.
    """
    from space.mgnet import Level, MgNetSpec

    reader = _Reader(text)
    reader.expect("MgNet")
    nus = reader.numbers("smoothing iterations")
    reader.expect("-")
    widths = reader.widths(len(nus))
    share_a: Sharing = "level"
    share_b: Sharing | None = None
    while not reader.at_end():
        reader.expect("-")
        letter = reader.one_of(["A", "B"])
        reader.expect("^")
        sharing = _SHARING[reader.one_of(list(_SHARING))]
        if letter == "A" and share_b is None:
            share_a = sharing
        elif letter == "B" and share_b is None:
            share_b = sharing
        else:
            reader.fail("nothing may follow B^l or B^{l,i}")
    if share_b is None:
        reader.fail("expected -B^l or -B^{l,i}")
    levels = tuple(Level(nu=nu, c_u=c_u, c_f=c_f) for nu, (c_u, c_f) in zip(nus, widths, strict=True))
    return MgNetSpec(
        levels=levels, share_a=share_a, share_b=share_b, in_channels=in_channels, num_classes=num_classes
    )


class _Reader:
    """A cursor over the text that skips spaces and reports errors at its position."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0

    def fail(self, rule: str) -> NoReturn:
        got = repr(self.text[self.pos]) if self.pos < len(self.text) else "the end"
        raise InvalidInputError(
            f"cannot read {shown(self.text)} as a network: {rule}, but got {got} at character {self.pos + 1} "
            f"(an example: {EXAMPLE})"
        )

    def at_end(self) -> bool:
        self._skip_spaces()
        return self.pos == len(self.text)

    def _skip_spaces(self) -> None:
        while self.pos < len(self.text) and self.text[self.pos].isspace():
            self.pos += 1

    def accept(self, token: str) -> bool:
        self._skip_spaces()
        if not self.text.startswith(token, self.pos):
            return False
        self.pos += len(token)
        return True

    def expect(self, token: str) -> None:
        if not self.accept(token):
            self.fail(f"expected {token!r}")

    def one_of(self, tokens: list[str]) -> str:
        for token in tokens:
            if self.accept(token):
                return token
        return self.fail("expected " + " or ".join(tokens))

    def number(self) -> int:
        self._skip_spaces()
        end = self.pos
        while end < len(self.text) and self.text[end] in "0123456789":
            end += 1
        digits = self.text[self.pos : end]
        if not digits or len(digits) > 6 or int(digits) < 1:
            self.fail("expected a whole number from 1 to 999999")
        self.pos = end
        return int(digits)

    def numbers(self, what: str) -> list[int]:
        if not self.accept("["):
            self.fail(f"expected '[' and the {what} of each level")
        values = [self.number()]
        while self.accept(","):
            values.append(self.number())
        self.expect("]")
        return values

    def widths(self, num_levels: int) -> list[tuple[int, int]]:
        """One width for all levels, a width per level, or a pair (c_u, c_f) per level."""
        if not self.accept("["):
            return [self._width()] * num_levels
        start = self.pos
        widths = [self._width()]
        while self.accept(","):
            widths.append(self._width())
        self.expect("]")
        if len(widths) != num_levels:
            self.pos = start
            self.fail(f"{num_levels} levels need {num_levels} widths (found {len(widths)})")
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
