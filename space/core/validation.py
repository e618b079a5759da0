"""Validation errors of pydantic as one line."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from space.core.errors import InvalidInputError, nearest, shortened, shown

UNKNOWN = ("extra_forbidden", "unknown_key")
"""Types of findings about keys: pydantic's own, and that of domains, which names the key in its context."""
RULES = {
    "model_type": "must be a table (an object in JSON)",
    "dict_type": "must be a table (an object in JSON)",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length} item",
    "too_long": "must have at most {max_length} items",
    "int_parsing": "must be a valid integer",
    "int_from_float": "must be a valid integer",
    "float_parsing": "must be a valid number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} character",
    "string_too_long": "must have at most {max_length} characters",
    "union_tag_invalid": "must have a {discriminator} among {expected_tags}",
    "union_tag_not_found": "must name its {discriminator}",
}


def explain(error: ValidationError, model: type[BaseModel], source: str) -> InvalidInputError:
    """Return the first finding of ``error`` as one line: source, key, rule and value.

    Unknown keys come first, with the nearest known key: a misspelt key explains a missing one. Findings from
    the branches of a union about one value are joined.
    """
    findings = error.errors(include_url=False)
    first = next((f for f in findings if f["type"] in UNKNOWN), findings[0])
    parts, known = _place(model, first)
    key = shortened(".".join(parts))
    if first["type"] in UNKNOWN:
        hint = nearest(parts[-1], known)
        listed = f" (known here: {', '.join(known)})" if known else ""
        return InvalidInputError(f"{source}: unknown key {key!r}{hint}{listed}")
    if first["type"] == "missing":
        return InvalidInputError(f"{source}: {key}: this key is missing")
    rules = [_rule(f) for f in findings if _place(model, f)[0] == parts]
    message = " or ".join([rules[0], *(rule.removeprefix("must be ") for rule in rules[1:])])
    prefix = f"{source}: {key}: " if key and not message.startswith(f"{key} ") else f"{source}: "
    value = "" if "but got" in message else f", but got {shown(first['input'])}"
    return InvalidInputError(f"{prefix}{message}{value}")


def rule_of(error: ValidationError) -> tuple[str, str]:
    """Return the rule of the first finding, without the value, and its outermost key."""
    finding = error.errors(include_url=False)[0]
    loc = finding["loc"]
    return _rule(finding).partition(", but got")[0], str(loc[0]) if loc else ""


def _rule(finding: Any) -> str:
    if rule := RULES.get(finding["type"]):
        return rule.format(**finding.get("ctx", {}))
    message: str = finding["msg"].removeprefix("Value error, ")
    return message.replace("Input should be", "must be").replace("Input should", "must")


def _place(model: type[BaseModel], finding: Any) -> tuple[list[str], list[str]]:
    """Return the key path of a finding, and the known keys of its last section.

    The path omits pydantic's names of union branches, such as ``constrained-int``.
    """
    loc: tuple[Any, ...] = finding["loc"]
    if finding["type"] == "extra_forbidden":
        loc, own = loc[:-1], [str(loc[-1])]
    else:
        own = [finding["ctx"]["key"]] if finding["type"] == "unknown_key" else []
    models, parts = [model], []
    for part in loc:
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        if fields or isinstance(part, int):
            parts.append(str(part))
        if fields:
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    if finding["type"] == "unknown_key":
        return parts + own, finding["ctx"]["known"]
    return parts + own, [name for m in models for name in m.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models in a field type, including those in unions, lists and other generics."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]
