"""The methods of compared studies: studies of one method repeat each other with other seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from results.comparison.problem import Studies
from space.core.errors import InvalidInputError, nearest, shown

SECTIONS = ("space", "train", "search")
"""The sections of a study file that decide what is searched, and how."""
OF_THE_RUN = {
    *("seed", "trials", "hours", "epochs", "patience", "keep_weights", "storage"),
    *("workers", "device", "executor", "address", "trials_per_gpu", "max_silence_s", "stall_epochs"),
}
"""Keys of ``[search]`` that do not belong to a method: the seed, the budget and the machine."""
EACH = "study"
"""The grouping by study: each study is a method of its own."""
SAMPLER, SCHEDULER = "search.sampler", "search.scheduler"
MOST_NAMED = 3
"""A method is named after at most so many keys, and a difference names at most so many studies and one more."""
UNEQUAL = 1.1
"""Epochs of studies whose ratio is above this are unequal."""

Settings = dict[str, Any]


def settings_of(config: Mapping[str, Any]) -> Settings:
    """Return the settings of a study as one flat table with keys such as ``train.lr``; unset ones are missing."""
    return dict(pair for section in SECTIONS for pair in _flat(section, config.get(section)))


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and key.count(".") < 1:
        for name, item in value.items():
            yield from _flat(f"{key}.{name}", item)
    elif value is not None and value != {}:
        yield key, value


def methods_of(studies: Studies, group: str | Sequence[str] | None = None) -> dict[str, str]:
    """Return the name of each study's method.

    Args:
        studies: The studies by name.
        group: Keys of the study file, as a list or with commas: studies with equal values are one method.
            ``"study"``: each study is a method. None: all keys of the space, the recipe and the search, but for
            the seed, the budget and the machine.

    Raises:
        InvalidInputError: No study has a key of ``group``.
    """
    keys = _keys(group)
    if keys == [EACH]:
        return {name: name for name in studies}
    settings = {name: settings_of(study.header.config) for name, study in studies.items()}
    known = sorted({key for one in settings.values() for key in one})
    for key in keys:
        if key not in known:
            raise InvalidInputError(
                f"group takes {EACH!r} or keys of a study file such as {SAMPLER}, but got {shown(key)}"
                f"{nearest(key, known)}"
            )
    if not keys:
        run = {f"search.{key}" for key in OF_THE_RUN}
        keys = [key for key in known if key not in run]
    return _named({name: {key: one.get(key) for key in keys} for name, one in settings.items()})


def _keys(group: str | Sequence[str] | None) -> list[str]:
    words = group.split(",") if isinstance(group, str) else list(group or ())
    if group is not None and not any(word.strip() for word in words):
        raise InvalidInputError(
            f"group is empty; name keys of a study file such as {SAMPLER}, or leave it out"
        )
    return [word.strip() for word in words if word.strip()]


def _named(settings: Mapping[str, Settings]) -> dict[str, str]:
    """Return a name for each study; equal settings have equal names."""
    varying = varying_keys(settings)
    names: dict[str, str] = {}
    seen: dict[str, list[Settings]] = {}
    for study, one in settings.items():
        name = _name(one, varying)
        same = seen.setdefault(name, [])
        if one not in same:
            same.append(one)
        place = same.index(one)
        names[study] = f"{name} ({place + 1})" if place else name
    return names


def _name(settings: Settings, varying: Sequence[str]) -> str:
    parts = []
    if {SAMPLER, SCHEDULER} & set(varying) or not varying:
        parts.append(" + ".join(str(settings[key]) for key in (SAMPLER, SCHEDULER) if settings.get(key)))
    others = [key for key in varying if key not in (SAMPLER, SCHEDULER)]
    parts += [f"{key.partition('.')[2]}={_value(settings.get(key))}" for key in others[:MOST_NAMED]]
    if len(others) > MOST_NAMED:
        parts.append(f"{len(others) - MOST_NAMED} other keys")
    return ", ".join(part for part in parts if part) or "all studies"


def _value(value: Any) -> str:
    return "unset" if value is None else value if isinstance(value, str) else shown(value)


def varying_keys(settings: Mapping[str, Settings]) -> list[str]:
    """Return the keys whose values differ between studies, in their order."""
    keys = dict.fromkeys(key for one in settings.values() for key in one)
    first, *others = settings.values()
    return [key for key in keys if any(one.get(key) != first.get(key) for one in others)]


def differences(studies: Studies) -> list[str]:
    """Return the keys in which the studies differ, apart from the seed, each as one line with its values."""
    settings = {name: settings_of(study.header.config) for name, study in studies.items()}
    for name, study in studies.items():
        settings[name] |= {
            f"machine.{key}": study.header.environment.get(key) for key in ("cpu", "cores", "gpus")
        }
    lines = []
    for key in varying_keys(settings):
        if key == "search.seed":
            continue
        named: dict[str, list[str]] = {}
        for name, one in settings.items():
            named.setdefault(_value(one.get(key)), []).append(name)
        lines.append(f"{key}: " + "; ".join(f"{value} ({_few(who)})" for value, who in named.items()))
    return lines


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED + 1 else ""
    return ", ".join(names[:MOST_NAMED] if more else names) + more


def warnings(studies: Studies, methods: Mapping[str, str]) -> list[str]:
    """Return what weakens the comparison: unfinished or empty studies, unequal epochs, repeated seeds."""
    lines = []
    epochs = [study.num_epochs for study in studies.values()]
    if max(epochs) > UNEQUAL * min(epochs):
        lines.append(
            f"the studies trained {min(epochs)} to {max(epochs)} epochs; the final hypervolume favours longer ones"
        )
    for name, study in studies.items():
        if not study.front_records:
            lines.append(f"{name}: {study.why_no_front}; its hypervolume is 0")
        elif not study.complete:
            lines.append(f"{name} is not complete: {study.num_finished} of {study.header.trials} trials")
    seeds: dict[tuple[str, Any], list[str]] = {}
    for name, study in studies.items():
        seed = settings_of(study.header.config).get("search.seed")
        seeds.setdefault((methods[name], seed), []).append(name)
    for (method, seed), names in seeds.items():
        if len(names) > 1:
            lines.append(
                f"{', '.join(names)} have the same seed {seed}: they are no independent repeats of {method}"
            )
    return lines
