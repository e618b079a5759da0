"""The decision tree of a search space: the hyperparameters of each family, their order, and the spec of all
choices.

Structural hyperparameters come first, as family, levels and smoother decide which others exist. Then come the
hyperparameters of each level, the sharing, and those of the training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from space.config import SpaceConfig
from space.core.errors import UnbuildableError, reason_of, shown
from space.core.validation import explain
from space.domains import Choice, Domain, Increments, IntRange, PerLevel, Value
from space.networks.families import family_named
from space.networks.grid_spec import GridSpec, Level
from space.networks.mgnet import MgNetSpec
from space.networks.resnet import ResidualSpec
from space.networks.smoothers import SMOOTHERS
from space.networks.spec import Spec

Choose = Callable[[str, Domain], Value]
Facts = dict[str, int]

STRUCTURE = (
    "family", "levels", "smoother", "kernel_b", "groups_b", "interpolation", "restriction", "block", "stem",
    "stem_channels",
)  # fmt: skip
"""Structural hyperparameters: they decide which others exist, or counts are not monotone in them."""
UNCOUNTED = ("activation", "dropout")
"""Hyperparameters without weights. Activations differ in memory only."""


IMAGE_SIZE = "image_size"
"""The key of the recipe on which the counts of a network depend: height and width of the images in pixels."""


def is_structure(hyperparameter: str) -> bool:
    """Return whether a hyperparameter is structural: in ``STRUCTURE``, or an option of a smoother."""
    return hyperparameter in STRUCTURE or hyperparameter.partition(".")[0] in SMOOTHERS


def is_countable(hyperparameter: str) -> bool:
    """Return whether a smaller value of the hyperparameter can make a network smaller."""
    return (
        not is_structure(hyperparameter)
        and hyperparameter not in UNCOUNTED
        and (not hyperparameter.startswith("train.") or hyperparameter == f"train.{IMAGE_SIZE}")
    )


def draw_spec(config: SpaceConfig, facts: Facts, choose: Choose) -> Spec:
    """Return the canonical spec for the values that ``choose(hyperparameter, domain)`` returns.

    Free hyperparameters are asked for in a fixed order, and only those that the network has. Those of the
    training come last and do not enter the spec.

    Args:
        config: The search space.
        facts: ``in_channels`` and ``num_classes``.
        choose: Returns a value for a hyperparameter and its domain.

    Raises:
        UnbuildableError: A plugin's family refuses the values, after all were asked for.
    """
    name, spec_type, hyperparameters = draw_hyperparameters(config, choose)
    if issubclass(spec_type, GridSpec) and name not in config.families:
        return spec_type.model_validate(hyperparameters | facts).canonical()
    return _own_spec(name, spec_type, hyperparameters, facts)


def draw_hyperparameters(config: SpaceConfig, choose: Choose) -> tuple[str, type[Spec], dict[str, Any]]:
    """Ask for every free hyperparameter in the order of ``draw_spec``.

    Returns:
        The family, the type of its specs, and the values of its fields.
    """

    def pick(hyperparameter: str, domain: Domain) -> Any:
        return domain.smallest if domain.size == 1 else choose(hyperparameter, domain)

    name = str(pick("family", config.family))
    spec_type = family_named(name, "space").spec_type
    if issubclass(spec_type, MgNetSpec):
        hyperparameters = _mgnet_hyperparameters(config, pick)
    elif issubclass(spec_type, ResidualSpec):
        hyperparameters = _resnet_hyperparameters(config, pick)
    else:
        hyperparameters = {}
    own = config.families.get(name, {})
    hyperparameters |= {field: pick(f"{name}.{field}", domain) for field, domain in own.items()}
    for key, domain in config.train.items():
        pick(f"train.{key}", domain)
    return name, spec_type, hyperparameters


def _own_spec(name: str, spec_type: type[Spec], hyperparameters: dict[str, Any], facts: Facts) -> Spec:
    """Return the spec that a plugin's family makes of its hyperparameters.

    Raises:
        UnbuildableError: The family refuses them, or its code fails.
    """
    where = f"space.families.{name}"
    try:
        return spec_type.from_hyperparameters(hyperparameters, facts).canonical()
    except ValidationError as error:
        raise UnbuildableError(str(explain(error, spec_type, where))) from None
    except Exception as error:  # a user's code may raise anything
        raise UnbuildableError(
            f"{where}: no spec can be made of {shown(hyperparameters)}: {reason_of(error)}"
        ) from error


def _mgnet_hyperparameters(config: SpaceConfig, pick: Choose) -> dict[str, Any]:
    depth = int(pick("levels", config.levels))
    kind = str(pick("smoother", config.smoother))
    smoother_type = SMOOTHERS[kind]
    options = {key: pick(f"{kind}.{key}", domain) for key, domain in config.smoothers.get(kind, {}).items()}
    fields: dict[str, Any] = {"smoother": {"kind": kind, **options}}
    if smoother_type.convolves:
        fields |= {key: pick(key, getattr(config, key)) for key in ("kernel_b", "groups_b")}
    if depth > 1:
        fields |= {key: pick(key, getattr(config, key)) for key in ("interpolation", "restriction")}
    fields |= {key: pick(key, getattr(config, key)) for key in ("stem", "activation")}
    fields["levels"] = _draw_levels(config, depth, pick, same_width=smoother_type.same_width)
    return fields | _draw_rest(config, pick)


def _resnet_hyperparameters(config: SpaceConfig, pick: Choose) -> dict[str, Any]:
    depth = int(pick("levels", config.levels))
    keys = ("kernel_b", "groups_b", "block", "stem", "activation")
    fields: dict[str, Any] = {key: pick(key, getattr(config, key)) for key in keys}
    if config.stem_channels is not None:
        fields["stem_channels"] = pick("stem_channels", config.stem_channels)
    fields["levels"] = _draw_levels(config, depth, pick, same_width=False)
    return fields | _draw_rest(config, pick)


def _draw_rest(config: SpaceConfig, pick: Choose) -> dict[str, Any]:
    return {key: pick(key, getattr(config, key)) for key in ("share_a", "share_b", "dropout")}


def _draw_levels(config: SpaceConfig, depth: int, pick: Choose, *, same_width: bool) -> list[Level]:
    levels: list[Level] = []
    for index in range(depth):
        before = levels[-1] if levels else None
        nu = int(pick(f"nu_{index + 1}", of_level(config.nu, index)))
        c_u = _draw_width("c_u", config.c_u, index, before.c_u if before else 0, pick)
        c_f = c_u
        if not isinstance(config.c_f, str) and not same_width:
            c_f = _draw_width("c_f", config.c_f, index, before.c_f if before else 0, pick)
        levels.append(Level(nu=nu, c_u=c_u, c_f=c_f))
    return levels


def _draw_width(name: str, widths: PerLevel | Increments, index: int, before: int, pick: Choose) -> int:
    """Return the width of a level. ``before`` is the width of the previous level, to which an increment is
    added.
    """
    if isinstance(widths, tuple):
        return int(pick(f"{name}_{index + 1}", of_level(widths, index)))
    if index == 0:
        return int(pick(f"{name}_1", widths.first))
    return before + int(pick(f"{name}_{index + 1}_increment", widths.increment))


def of_level(domains: PerLevel, index: int) -> Choice | IntRange:
    """Return the domain of the level with this index, from 0."""
    return domains[0] if len(domains) == 1 else domains[index]
