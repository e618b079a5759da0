"""The inverse map from a network to its point in a search space."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

from space.config import SpaceConfig
from space.core.errors import UnbuildableError
from space.decision_tree import Facts, draw_hyperparameters, draw_spec
from space.domains import Domain, FloatRange, Value
from space.networks.smoothers import SMOOTHERS
from space.networks.spec import Spec

DECISIVE = ("family", "levels", "smoother")
"""Hyperparameters that decide which others exist."""
MOST_SPELLINGS = 256
"""Largest number of points compared with a network that does not show the values of some hyperparameters."""
_OF_LEVEL = re.compile(r"(?P<field>nu|c_u|c_f)_(?P<level>[1-9][0-9]*)(?P<increment>_increment)?")


def locate(
    config: SpaceConfig, facts: Facts, spec: Spec, training: Mapping[str, Value]
) -> dict[str, Value] | None:
    """Return the point of a network, without regard to the limits; None if it is not in the space.

    Args:
        config: The search space.
        facts: ``in_channels`` and ``num_classes``.
        spec: The network.
        training: The training's values of the ``[train]`` section. It must contain those that the space
            searches.
    """
    spec = spec.canonical()
    found: dict[str, Value] = {}
    unseen: dict[str, Domain] = {}

    def choose(hyperparameter: str, domain: Domain) -> Value:
        value = _read(hyperparameter, spec, training)
        if value is not None and _is_in(domain, value):
            found[hyperparameter] = value
            return found[hyperparameter]
        if (
            hyperparameter in DECISIVE
            or hyperparameter.startswith("train.")
            or isinstance(domain, FloatRange)
        ):
            raise _NotInSpaceError
        unseen[hyperparameter] = domain
        return domain.smallest

    try:
        draw_hyperparameters(config, choose)
    except _NotInSpaceError:
        return None
    if math.prod(domain.size for domain in unseen.values()) > MOST_SPELLINGS:
        return None
    for values in itertools.product(*(domain.values() for domain in unseen.values())):
        point = found | dict(zip(unseen, values, strict=True))
        if _is_made_of(config, facts, point, spec):
            return point
    return None


class _NotInSpaceError(Exception):
    """The space has no such network."""


def _read(hyperparameter: str, spec: Spec, training: Mapping[str, Value]) -> Any:
    """Return the value of a hyperparameter that the network or its training shows; None if neither does."""
    if hyperparameter.startswith("train."):
        return training.get(hyperparameter.removeprefix("train."))
    levels = getattr(spec, "levels", ())
    if hyperparameter == "levels":
        return len(levels)
    if match := _OF_LEVEL.fullmatch(hyperparameter):
        index = int(match["level"]) - 1
        width = getattr(levels[index], match["field"]) if index < len(levels) else None
        if width is None or not match["increment"]:
            return width
        return width - getattr(levels[index - 1], match["field"])
    if hyperparameter == "stem_channels":  # a spec stores None if the stem is as wide as the first level
        return getattr(spec, "stem_width", None)
    smoother = getattr(spec, "smoother", None)
    owner, _, field = hyperparameter.rpartition(".")
    if owner in SMOOTHERS:
        return getattr(smoother, field, None)
    return getattr(smoother, "kind", None) if hyperparameter == "smoother" else getattr(spec, field, None)


def _is_in(domain: Domain, value: Value) -> bool:
    if isinstance(domain, FloatRange):
        return not isinstance(value, (str, bool)) and domain.low <= value <= domain.high
    return value in domain.values()


def _is_made_of(config: SpaceConfig, facts: Facts, point: Mapping[str, Value], spec: Spec) -> bool:
    try:
        return (
            draw_spec(config, facts, lambda hyperparameter, _domain: point[hyperparameter]).arch == spec.arch
        )
    except (
        KeyError,
        UnbuildableError,
    ):  # the point belongs to a network with other hyperparameters, or to none
        return False
