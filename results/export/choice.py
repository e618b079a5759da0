"""The formats of one export: those asked for, those they bring, and the reason for each skipped one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from results.export.formats import FORMATS, INSTALL, missing_packages
from results.export.standalone.source import why_not_standalone
from results.export.web.page import why_no_page
from space.core.errors import InvalidInputError, nearest
from space.core.validation import explain
from space.firmware.programs import why_no_program
from space.networks.spec import Spec
from space.targets.target import Target

ON_REQUEST = ("onnx-int8", "web", "c")
"""Formats that are written only if they are asked for."""
DOCUMENTED = ("tflite", "pte")
"""Formats that ``examples/convert_export.py`` makes from an export."""
DEFAULT_FORMATS = tuple(name for name in FORMATS if name not in ON_REQUEST)


def default_formats(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the formats of the target of a study with this configuration; ``DEFAULT_FORMATS`` without a target.

    Raises:
        InvalidInputError: The recorded target is damaged.
    """
    if (recorded := config.get("target")) is None:
        return DEFAULT_FORMATS
    try:
        return Target.model_validate(recorded).export_formats
    except ValidationError as error:
        raise explain(error, Target, "the study's target") from None


def choose(
    formats: Sequence[str] | None, spec: Spec, default: Sequence[str] = DEFAULT_FORMATS
) -> tuple[list[str], dict[str, str]]:
    """Return the formats to write, in the order of ``FORMATS``, and the reason for each skipped one.

    Args:
        formats: The formats asked for; None for those of ``default`` that are possible here.
        spec: The network.
        default: The formats of an export that names none.

    Raises:
        InvalidInputError: A format asked for is unknown, its packages are missing, or the network has none.
    """
    asked = tuple(default) if formats is None else tuple(formats)
    known = ", ".join(FORMATS)
    if not asked:
        raise InvalidInputError(f"no format to export was named; choose from {known}")
    skipped: dict[str, str] = {}
    for name in asked:
        if name in DOCUMENTED:
            raise InvalidInputError(
                f"mgnas does not write {name}, whose converter needs an environment of its own; export python, "
                f"then run 'examples/convert_export.py EXPORT model.{name}' there: see docs/how-to/phone.md"
            )
        if name not in FORMATS:
            hint = nearest(name, tuple(FORMATS))
            raise InvalidInputError(f"a format must be one of {known}, but got {name!r}{hint}")
        if missing := missing_packages(name):
            skipped[name] = f"{name} needs {' and '.join(missing)}, not installed here: {INSTALL}"
    no_source = why_not_standalone(spec)
    if "python" in asked and no_source is not None:
        skipped["python"] = f"python is not possible: {no_source}"
    if "c" in asked and (reason := why_no_program(spec)):
        skipped["c"] = f"c is not possible: {reason}"
    if "web" in asked and (reason := why_no_page(spec)):
        skipped["web"] = f"web is not possible: {reason}"
    if skipped and formats is not None:
        raise InvalidInputError(f"the format {next(iter(skipped.values()))}")
    chosen = {name for name in asked if name not in skipped}
    brought = {name for one in chosen for name in FORMATS[one].brings}
    if no_source is not None:
        brought -= {"python"}
    return [name for name in FORMATS if name in chosen | brought], skipped
