"""The notation of MgNets and ResNets: iterations, widths, sharing, then options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from space.core.cursor import Reader
from space.core.validation import rule_of
from space.networks.grid_spec import GridSpec, Level
from space.networks.smoothers import SMOOTHERS, SmootherBase
from space.networks.weight_sharing import Sharing
from space.notation.fields import FACTS, read_key, validated

_SUPERSCRIPT: dict[Sharing, str] = {"network": "", "level": "^l", "iteration": "^{l,i}"}
_INDICES: dict[str, Sharing] = {"l": "level", "{l,i}": "iteration"}
_POSITIONAL = FACTS | {"levels", "share_a", "share_b"}

Grid = TypeVar("Grid", bound=GridSpec)


def format_grid(spec: GridSpec, *, always_b: bool, depth: int | None = None) -> str:
    """Return the shortest notation of ``spec``, without image channels and classes.

    Args:
        spec: The network.
        always_b: Whether the sharing of B is written if it is the default.
        depth: The classical depth that replaces iterations, widths and block.
    """
    name = f"{spec.notation_name}{_iterations(spec) if depth is None else depth}"
    options = _options(spec, set() if depth is None else {"block"})
    return name + _sharing(spec, always_b=always_b) + "".join(f"-{key}={value}" for key, value in options)


def _iterations(spec: GridSpec) -> str:
    widths = [(level.c_u, level.c_f) for level in spec.levels]
    if any(c_u != c_f for c_u, c_f in widths):
        width = "[" + ",".join(f"({c_u},{c_f})" for c_u, c_f in widths) + "]"
    elif len(set(widths)) > 1:
        width = "[" + ",".join(str(c_u) for c_u, _ in widths) + "]"
    else:
        width = str(widths[0][0])
    nu = ",".join(str(level.nu) for level in spec.levels)
    return f"[{nu}]-{width}"


def _sharing(spec: GridSpec, *, always_b: bool) -> str:
    """Return both sharings if one of them is not the family's default."""
    fields = type(spec).model_fields
    a_is_default = spec.share_a == fields["share_a"].default
    b_is_default = spec.share_b == fields["share_b"].default
    a, b = f"-A{_SUPERSCRIPT[spec.share_a]}", f"-B{_SUPERSCRIPT[spec.share_b]}"
    if always_b:
        return b if a_is_default else a + b
    return "" if a_is_default and b_is_default else a + b


def _options(spec: GridSpec, left_out: set[str]) -> list[tuple[str, str]]:
    """Return the other fields that differ from their defaults, as pairs of key and text."""
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


def read_grid(
    spec_type: type[Grid],
    reader: Reader,
    facts: Mapping[str, Any],
    *,
    needs_b: bool,
    classical: Mapping[str, Mapping[str, Any]] | None = None,
) -> Grid:
    """Return the network of a notation whose family name was read. A missing ``-A^..`` or ``-B^..`` is the
    default.

    Args:
        spec_type: The type of the spec.
        reader: A cursor behind the family's name.
        facts: ``in_channels`` and ``num_classes``.
        needs_b: Whether ``-B^..`` is obligatory.
        classical: Fields by depth; a depth may replace iterations and widths.

    Raises:
        InvalidInputError: The text is no notation of this family. The message shows the position.
    """
    start = reader.pos
    fields: dict[str, Any] = dict(facts)
    places = {"levels": start}
    if classical is not None and not _next_is(reader, "["):
        depths = list(classical)
        fields |= classical[reader.one_of(depths, f"'[', {', '.join(depths[:-1])} or {depths[-1]}")]
    else:
        nus = reader.numbers("smoothing iterations of each level")
        reader.expect("-")
        reader.skip_spaces()
        places["levels"] = reader.pos
        pairs = zip(nus, reader.widths(len(nus)), strict=True)
        fields["levels"] = tuple(Level(nu=nu, c_u=c_u, c_f=c_f) for nu, (c_u, c_f) in pairs)
    _read_sharing(reader, fields, needs_b=needs_b)
    known = [key for key in spec_type.model_fields if key not in _POSITIONAL and key not in fields]
    while reader.accept("-"):
        key = read_key(reader, known, "option", places)
        fields[key] = _read_smoother(reader) if key == "smoother" else reader.value()
    if not reader.at_end():
        reader.fail("expected '-' and an option, or the end")
    return validated(spec_type, fields, reader, places)


def _next_is(reader: Reader, token: str) -> bool:
    reader.skip_spaces()
    return reader.text.startswith(token, reader.pos)


def _read_sharing(reader: Reader, fields: dict[str, Any], *, needs_b: bool) -> None:
    """Read ``-A^..`` and ``-B^..``. Both are optional, except the B of an MgNet."""
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
            key = read_key(reader, known, "option", places)
            fields[key] = reader.value()
            if not reader.accept(","):
                break
        reader.expect(")")
    try:
        return smoother_type.model_validate(fields)
    except ValidationError as error:
        rule, key = rule_of(error)
        return reader.fail(rule, at=places.get(key, start))
