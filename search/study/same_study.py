"""What may change between two runs of one study, and what may not."""

from __future__ import annotations

from typing import Any

from results.comparison.methods import OF_THE_RUN
from search.study.config import StudyConfig, Tables

PLACE_OF_DATA = {"root", "memory_gib", "reader_threads"}
"""Keys of ``[data]`` that change no batch."""
BUDGET = {
    "search": OF_THE_RUN - {"seed"},
    "data": {"source", *PLACE_OF_DATA},
}
"""Keys that may change between two runs of one study. The images may move: their fingerprint is compared."""
TEXTS_OF_TARGETS = ("description", "source")
"""Keys of ``[target]`` that decide nothing."""
DECISIVE = ("data", "space", "train", "search")
"""Sections whose other keys decide results."""


def budgets(config: StudyConfig) -> Tables:
    """Return the settings that may change between runs of a study: budgets, references and plan."""
    search = config.search.model_dump(mode="json", include={"trials", "hours", "epochs", "patience"})
    plan = None if config.plan is None else config.plan.model_dump(mode="json")
    return search | {"references": list(config.references), "plan": plan}


def first_difference(recorded: Tables, asked: Tables) -> str | None:
    """Return the first key that decides results and differs, as ``section.key = old, but now new``.

    Both are plain tables, as ``StudyConfig.model_dump(mode="json")`` returns them and the ledger records
    them. None means that both describe the same study.
    """
    if (recorded.get("plan") is None) != (asked.get("plan") is None):
        return _other_networks(recorded.get("plan"), asked.get("plan"))
    if difference := _other_target(recorded.get("target"), asked.get("target")):
        return difference
    for section in DECISIVE:
        old, new = recorded[section], asked[section]
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in BUDGET.get(section, ()) and old.get(key) != new.get(key):
                return f"{section}.{key} = {_text(old.get(key))}, but now {_text(new.get(key))}"
    return _other_networks(recorded.get("plan"), asked.get("plan"))


def first_edit(recorded: Tables, written: Tables) -> str | None:
    """Return the first key of a study file that differs from the recorded configuration, as above.

    A study file omits unset keys, and with a plan also the unused ones; those are no edits.
    """
    recorded = without_unset(recorded)
    whole = {section: table | written.get(section, {}) for section, table in _sections(recorded).items()}
    return first_difference(recorded, whole | {key: written.get(key) for key in ("plan", "target")})


def without_unset(tables: Tables) -> Tables:
    """Return plain tables without the keys whose value is None, at every depth."""
    return {key: _plain(value) for key, value in tables.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return without_unset(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _sections(tables: Tables) -> dict[str, dict[str, Any]]:
    return {section: tables[section] for section in DECISIVE}


def _text(value: Any) -> str:
    return "nothing" if value is None else repr(value)


def _other_target(recorded: Tables | None, asked: Tables | None) -> str | None:
    """Return the difference of two targets, apart from their texts."""
    if (recorded is None) != (asked is None):
        old, new = (None if target is None else target.get("name") for target in (recorded, asked))
        return f"target = {_text(old)}, but now {_text(new)}"
    before, now = recorded or {}, asked or {}
    for key in dict.fromkeys(["name", *before, *now]):
        if key not in TEXTS_OF_TARGETS and before.get(key) != now.get(key):
            return f"target.{key} = {_text(before.get(key))}, but now {_text(now.get(key))}"
    return None


def _other_networks(recorded: Tables | None, asked: Tables | None) -> str | None:
    """Return the difference of two plans: seeds may change and networks be added, but not removed."""
    before, now = ([] if plan is None else list(plan["networks"]) for plan in (recorded, asked))
    if recorded is not None and set(before) <= set(now):
        return None
    if recorded is None and asked is None:
        return None
    old, new = (", ".join(networks) or "nothing" for networks in (before, now))
    return f"plan.networks = {old}, but now {new}"
