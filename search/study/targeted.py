"""The settings that a target gives to a study: limits, objectives, and the size of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from results.storage.objectives import COST_NAMES
from space.core.errors import InvalidInputError, nearest, shown
from space.targets.read import read_target
from space.targets.target import Target

Tables = dict[str, Any]


def with_named_target(tables: Tables, source: str, base: Path) -> Tables:
    """Return tables of a study in which the name or file of a target is replaced by its table.

    Args:
        tables: The tables; ``target`` is a text, a table or missing.
        source: Name of the tables in errors.
        base: The folder of a relative path.

    Raises:
        InvalidInputError: There is no such target, or its file is wrong.
    """
    target = tables.get("target")
    if target is None or isinstance(target, dict):
        return tables
    try:
        if not isinstance(target, str):
            raise InvalidInputError(f"takes a name, a file or a table, but got {shown(target)}")
        return tables | {"target": table_of(named_target(target, base))}
    except InvalidInputError as error:
        raise InvalidInputError(f"{source}: target: {error}") from None


def named_target(text: str, base: Path) -> Target:
    """Return the target of a name, or of a file seen from ``base``, after a check of its words.

    Raises:
        InvalidInputError: There is no such target, or its file is wrong.
    """
    return checked(read_target(text, base))


def checked(target: Target) -> Target:
    """Return a target whose objectives and formats exist.

    Raises:
        InvalidInputError: One does not.
    """
    from results.export.formats import FORMATS

    for key, names, known in (
        ("costs", target.costs, COST_NAMES),
        ("formats", target.formats, tuple(FORMATS)),
    ):
        for name in names:
            if name not in known:
                raise InvalidInputError(
                    f"{key} of a target are of {', '.join(known)}, but got {shown(name)}{nearest(name, known)}"
                )
    return target


def table_of(target: Target) -> Tables:
    """Return a target as the table ``[target]``, without unset keys."""
    return target.model_dump(mode="json", exclude_defaults=True)


def targeted(tables: Tables) -> Tables:
    """Return tables of a study with the settings of their target.

    Of two limits the lower one holds. Objectives and the size of images are those of the target if the study sets
    none. Tables without a valid target are returned unchanged; the validation of the study reports errors. So are
    those with a plan, which has no space.
    """
    if tables.get("plan") is not None:
        return tables
    try:
        target = Target.model_validate(tables["target"]) if "target" in tables else None
    except ValidationError:
        return tables
    sections = {name: tables.get(name, {}) for name in ("space", "search", "data")}
    if target is None or not all(isinstance(section, dict) for section in sections.values()):
        return tables
    space, search, data = sections.values()
    limits = {key: _lower(space.get(key), limit) for key, limit in target.limits.items()}
    sized = {"image_size", "max_image_side"} & data.keys()
    side = {} if target.image_side is None or sized else {"max_image_side": target.image_side}
    return tables | {
        "space": space | limits,
        "search": {"costs": list(target.objectives)} | search,
        "data": data | side,
    }


def _lower(given: Any, limit: float) -> Any:
    """Return the lower limit; a given value that is no number is returned for the validation to refuse."""
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    return limit if given is None or (is_number and given > limit) else given
