"""Networks as short texts, both ways: the papers' notation, and what it leaves open as ``-key=value``.

MgNet[2,2]-[(32,48),(64,64)]-A^{l,i}-B^l     smoothing iterations, widths (c_u, c_f), sharing
MgNet[2,2]-64-A-B                            A and B shared over the whole network
MgNet[2,2]-64-B^l-smoother=two_step(weights=chebyshev)-kernel_b=5
ResNet18-A^l-B^{l,i}                         a classical depth; also ResNet[2,2,2,2]-[64,128,256,512]
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from space.grid_spec import GridSpec, Level
from space.reader import Reader
from space.resnet import EXPANSION, ResidualSpec
from space.sharing import Sharing
from space.smoothers import SMOOTHERS, SmootherBase
from space.spec import Spec, without_defaults
from space.validation import rule_of

_SUPERSCRIPT: dict[Sharing, str] = {"network": "", "level": "^l", "iteration": "^{l,i}"}
_INDICES: dict[str, Sharing] = {"l": "level", "{l,i}": "iteration"}
_FACTS = {"family", "in_channels", "num_classes"}
_POSITIONAL = _FACTS | {"levels", "share_a", "share_b"}

CLASSICAL: dict[int, tuple[tuple[int, ...], str]] = {
    18: ((2, 2, 2, 2), "basic"),
    34: ((3, 4, 6, 3), "basic"),
    50: ((3, 4, 6, 3), "bottleneck"),
    101: ((3, 4, 23, 3), "bottleneck"),
    152: ((3, 8, 36, 3), "bottleneck"),
}
"""The blocks of each level of the ResNets that are known by their depth (He et al. 2015, table 1)."""

_WORD = re.compile(r"[^\W\d]\w*")
_LITERAL = re.compile(r"(true|false|null)(?!\w)")
"""Words that JSON means something else by than a text."""

AnySpec = TypeVar("AnySpec", bound=Spec)


def parse_notation(text: str, *, in_channels: int = 3, num_classes: int = 10) -> Spec:
    """Return the spec that ``text`` writes down; spaces between its parts do not matter.

    Raises:
        InvalidInputError: the text is not the notation of a network; the message points at the character.
    """
    from space.families import spec_types

    reader = Reader(text)
    names = {spec_type.notation_name: spec_type for spec_type in spec_types()}
    name = reader.one_of(list(names), f"a network's family ({', '.join(names)})")
    spec = names[name].read_notation(reader, {"in_channels": in_channels, "num_classes": num_classes})
    if not reader.at_end():
        reader.fail("expected the end")
    return spec


# -- MgNets and ResNets ------------------------------------------------------------------------------------


def format_grid(spec: GridSpec) -> str:
    """Return the shortest notation of ``spec``; image channels and classes are not part of it."""
    name, left_out = _head(spec)
    return name + _sharing(spec) + "".join(f"-{key}={value}" for key, value in _options(spec, left_out))


def _head(spec: GridSpec) -> tuple[str, set[str]]:
    """Return family, iterations and widths, and the options that these already tell."""
    if isinstance(spec, ResidualSpec):
        for depth, (_, block) in CLASSICAL.items():
            if spec.block == block and spec.levels == _classical_levels(depth):
                return f"{spec.notation_name}{depth}", {"block"}
    widths = [(level.c_u, level.c_f) for level in spec.levels]
    if any(c_u != c_f for c_u, c_f in widths):
        width = "[" + ",".join(f"({c_u},{c_f})" for c_u, c_f in widths) + "]"
    elif len(set(widths)) > 1:
        width = "[" + ",".join(str(c_u) for c_u, _ in widths) + "]"
    else:
        width = str(widths[0][0])
    nu = ",".join(str(level.nu) for level in spec.levels)
    return f"{spec.notation_name}[{nu}]-{width}", set()


def _classical_levels(depth: int) -> tuple[Level, ...]:
    nus, block = CLASSICAL[depth]
    factor = EXPANSION if block == "bottleneck" else 1
    return tuple(Level(nu=nu, c_u=64 * 2**i, c_f=64 * 2**i * factor) for i, nu in enumerate(nus))


def _sharing(spec: GridSpec) -> str:
    """Write both sharings where one of them is not the family's default; B's is always part of an MgNet's."""
    fields = type(spec).model_fields
    a_is_default = spec.share_a == fields["share_a"].default
    b_is_default = spec.share_b == fields["share_b"].default
    a, b = f"-A{_SUPERSCRIPT[spec.share_a]}", f"-B{_SUPERSCRIPT[spec.share_b]}"
    if not isinstance(spec, ResidualSpec):
        return b if a_is_default else a + b
    return "" if a_is_default and b_is_default else a + b


def _options(spec: GridSpec, left_out: set[str]) -> list[tuple[str, str]]:
    """Return the fields that the rest does not tell and that differ from their defaults, as text."""
    found = []
    for key, field in type(spec).model_fields.items():
        value = getattr(spec, key)
        if key in _POSITIONAL or key in left_out or value == field.default:
            continue
        found.append((key, _smoother_text(value) if isinstance(value, SmootherBase) else str(value)))
    return found


def _smoother_text(smoother: SmootherBase) -> str:
    options = smoother.model_dump(exclude_defaults=True, exclude={"kind"})
    inside = ",".join(f"{key}={value}" for key, value in options.items())
    return f"{smoother.kind}({inside})" if inside else smoother.kind


def read_grid(spec_type: type[Spec], reader: Reader, facts: Mapping[str, Any]) -> Spec:
    """Return the MgNet or ResNet behind its name; a missing ``-A^..`` or ``-B^..`` is the family's default.

    Raises:
        InvalidInputError: the text is no notation of this family; the message points at the character.
    """
    start = reader.pos
    fields: dict[str, Any] = dict(facts)
    is_residual = issubclass(spec_type, ResidualSpec)
    places = {"levels": start}
    if is_residual and not _next_is(reader, "["):
        depth = int(reader.one_of([str(depth) for depth in CLASSICAL], "'[', 18, 34, 50, 101 or 152"))
        fields["levels"], fields["block"] = _classical_levels(depth), CLASSICAL[depth][1]
    else:
        nus = reader.numbers("smoothing iterations of each level")
        reader.expect("-")
        reader.skip_spaces()
        places["levels"] = reader.pos
        pairs = zip(nus, reader.widths(len(nus)), strict=True)
        fields["levels"] = tuple(Level(nu=nu, c_u=c_u, c_f=c_f) for nu, (c_u, c_f) in pairs)
    _read_sharing(reader, fields, needs_b=not is_residual)
    known = [key for key in spec_type.model_fields if key not in _POSITIONAL and key not in fields]
    while reader.accept("-"):
        key = _read_key(reader, known, "option", places)
        fields[key] = _read_smoother(reader) if key == "smoother" else reader.value()
    if not reader.at_end():
        reader.fail("expected '-' and an option, or the end")
    return validated(spec_type, fields, reader, places)


def _read_key(reader: Reader, known: Sequence[str], what: str, places: dict[str, int]) -> str:
    """Read ``key=``, note in ``places`` where its value begins, and return the key; each may stand once."""
    reader.skip_spaces()
    start = reader.pos
    key = reader.known_word(known, what)
    if key in places:
        reader.fail(f"{key} stands here twice", at=start)
    reader.expect("=")
    reader.skip_spaces()
    places[key] = reader.pos
    return key


def _next_is(reader: Reader, token: str) -> bool:
    reader.skip_spaces()
    return reader.text.startswith(token, reader.pos)


def _read_sharing(reader: Reader, fields: dict[str, Any], *, needs_b: bool) -> None:
    """Read ``-A^..`` and ``-B^..``, either of which may be missing, but for an MgNet's B."""
    for letter in ("A", "B"):
        start = reader.pos
        if reader.accept("-") and reader.accept(letter) and not _inside_word(reader):
            has_indices = reader.accept("^")
            sharing = _INDICES[reader.one_of(list(_INDICES))] if has_indices else "network"
            fields[f"share_{letter.lower()}"] = sharing
        else:
            reader.pos = start
    if needs_b and "share_b" not in fields:
        if not reader.accept("-"):
            reader.fail("expected -B^l, -B^{l,i} or -B")
        reader.fail("expected " + ("B" if "share_a" in fields else "A or B"))
    start = reader.pos
    if reader.accept("-") and (_next_is(reader, "A^") or _next_is(reader, "B^")):
        reader.fail("A stands before B, and each once")
    reader.pos = start


def _inside_word(reader: Reader) -> bool:
    following = reader.text[reader.pos : reader.pos + 1]
    return following.isalnum() or following == "_"


def _read_smoother(reader: Reader) -> SmootherBase:
    reader.skip_spaces()
    start = reader.pos
    kind = reader.known_word(list(SMOOTHERS), "smoother")
    smoother_type = SMOOTHERS[kind]
    fields: dict[str, Any] = {}
    places: dict[str, int] = {}
    if reader.accept("("):
        known = [key for key in smoother_type.model_fields if key != "kind"]
        if not known:
            reader.fail(f"the smoother {kind} takes no options", at=reader.pos - 1)
        while True:
            key = _read_key(reader, known, "option", places)
            fields[key] = reader.value()
            if not reader.accept(","):
                break
        reader.expect(")")
    try:
        return smoother_type.model_validate(fields)
    except ValidationError as error:
        rule, key = rule_of(error)
        return reader.fail(rule, at=places.get(key, start))


def validated(
    spec_type: type[AnySpec], fields: Mapping[str, Any], reader: Reader, places: Mapping[str, int]
) -> AnySpec:
    """Return the spec of ``fields``; an error points at the character where its field stands (``places``)."""
    try:
        return spec_type.model_validate(dict(fields))
    except ValidationError as error:
        rule, key = rule_of(error)
        reader.fail(rule, at=places.get(key, places.get("levels", reader.pos)))


# -- families without a notation of their own --------------------------------------------------------------


def format_fields(spec: Spec) -> str:
    """Return ``Name(field=value,...)`` with values as JSON, words without quotes where they are plain."""
    shown = {key: value for key, value in without_defaults(spec).items() if key not in _FACTS}
    inside = ",".join(f"{key}={_plain(value)}" for key, value in shown.items())
    return f"{spec.notation_name}({inside})"


def _plain(value: Any) -> str:
    if isinstance(value, str) and _WORD.fullmatch(value) and not _LITERAL.match(value):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def read_fields(spec_type: type[AnySpec], reader: Reader, facts: Mapping[str, Any]) -> AnySpec:
    """Return the spec that ``format_fields`` wrote, its reader standing behind the name.

    Raises:
        InvalidInputError: it is no such text; the message points at the character.
    """
    fields: dict[str, Any] = dict(facts)
    places: dict[str, int] = {}
    known = [key for key in spec_type.model_fields if key not in _FACTS]
    reader.expect("(")
    while not reader.accept(")"):
        if places:
            reader.expect(",")
        key = _read_key(reader, known, "field", places)
        fields[key] = _read_json(reader)
    return validated(spec_type, fields, reader, places)


def _read_json(reader: Reader) -> Any:
    text, pos = reader.text, reader.pos
    if _WORD.match(text, pos) and not _LITERAL.match(text, pos):
        return reader.word("a value")
    try:
        value, reader.pos = json.JSONDecoder().raw_decode(text, pos)
    except (ValueError, RecursionError):
        reader.fail("expected a value")
    return value
