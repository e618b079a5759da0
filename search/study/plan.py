"""Studies with a plan: they train each named network from several seeds, without a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from results.storage.objectives import COSTS
from results.storage.records import TrialRecord
from search.study.config import PLANNED, StudyConfig
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport
from space.networks.load import read_spec
from space.search_space import SearchSpace

Range = tuple[float, float]


def plan_config(
    base: StudyConfig,
    name: str,
    networks: Sequence[str],
    seeds: Sequence[int],
    plugins: Sequence[Path] = (),
    recipes: Mapping[str, Mapping[str, Any]] | None = None,
) -> StudyConfig:
    """Return the configuration that trains each of ``networks`` from each of ``seeds``.

    Args:
        base: The configuration that gives data, recipe, device and plugins.
        name: The name of the study.
        networks: References or notations.
        seeds: The training seeds.
        plugins: Further Python files that register families.
        recipes: Keys of ``[train]`` for single networks, by notation.

    Raises:
        InvalidInputError: A network is unknown or listed twice, or a plugin fails.
    """
    tables = base.model_dump(mode="json", exclude_none=True)
    own = {key: tables["search"][key] for key in PLANNED if key in tables["search"]}
    for key in ("space", "references", "description"):
        tables.pop(key, None)
    known = [*base.plugins, *(str(plugin.absolute()) for plugin in plugins)]
    own |= {"trials": len(networks) * len(seeds), "scheduler": "fifo", "keep_weights": "all"}
    tables |= {
        "name": name,
        "plugins": list(dict.fromkeys(known)),
        "search": own,
        "plan": {"networks": list(networks), "seeds": list(seeds), "recipes": dict(recipes or {})},
    }
    return StudyConfig.parse(tables, "mgnas train")


def check_recorded(
    folder: Path, records: Iterable[TrialRecord], curves: Mapping[int, Sequence[EpochReport]]
) -> None:
    """Check that the learning curves match the results of complete trainings.

    Args:
        folder: The study's folder, for the error message.
        records: The trials.
        curves: The epochs of each trial, by its number.

    Raises:
        InvalidInputError: A complete training lacks epochs, or its last accuracy differs from its result.
    """
    for record in (one for one in records if one.state == "complete"):
        curve = curves.get(record.number, ())
        is_whole = [report.epoch for report in curve] == list(range(1, record.epochs + 1))
        is_a_result = record.val_accuracy in (record.last_accuracy, record.int8_accuracy)
        if not is_whole or curve[-1].val_accuracy != record.last_accuracy or not is_a_result:
            raise InvalidInputError(
                f"the ledger in {folder} is damaged: the epochs of trial {record.number} are not those of "
                "its result; restore it from a copy, or choose another folder (--output)"
            )


def plan_ranges(config: StudyConfig, space: SearchSpace) -> tuple[tuple[int, int], dict[str, Range | None]]:
    """Return the header's ``params_range`` and ``cost_ranges`` over the networks of the plan.

    The range of a measured cost is None. If parameters are the only cost, ``cost_ranges`` is empty.
    """
    assert config.plan is not None
    facts = {"in_channels": space.in_channels, "num_classes": space.num_classes}
    recipes = config.plan.recipes
    counts = [
        space.counts(read_spec(text, **facts).canonical(), recipes.get(text, {}))
        for text in config.plan.networks
    ]
    params = [one.params for one in counts]
    ranges: dict[str, Range | None] = {}
    if config.search.costs != ("params",):
        for name in config.search.costs:
            values = [0.0 if COSTS[name].is_measured else space.cost(name, one) for one in counts]
            ranges[name] = None if COSTS[name].is_measured else (min(values), max(values))
    return (min(params), max(params)), ranges
