"""The store of a study: created at the first run, opened again at later ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from results.open import open_study
from results.storage.records import DataFacts, StudyHeader
from search.study.config import StudyConfig
from search.study.environment import environment, environment_json
from search.study.folder import ENVIRONMENT, StudyFolder
from search.study.lock import StudyLock
from search.study.objectives import header_ranges
from search.study.plan import plan_ranges
from search.study.resume import check_images, check_same, with_budget
from search.study.store import StudyStore
from search.study.warm_start import EARLIER, earlier_trials, write_earlier
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError
from space.networks.plugins import plugin_digest
from space.search_space import SearchSpace
from trainers.data.splits import SearchData

Ranges = tuple[tuple[int, int], dict[str, tuple[float, float] | None]]


def open_store(
    config: StudyConfig, folder: StudyFolder, data: SearchData, space: SearchSpace, lock: StudyLock
) -> StudyStore:
    """Return the store of the study in a locked folder; it is created if the folder holds no study.

    Raises:
        InvalidInputError: The folder holds another study, or a damaged one.
    """
    begin = _reopen if folder.has_study else _create
    return begin(config, folder, data, space, lock)


def _create(
    config: StudyConfig, folder: StudyFolder, data: SearchData, space: SearchSpace, lock: StudyLock
) -> StudyStore:
    (folder.path / EARLIER).unlink(missing_ok=True)
    if config.search.warm_start is not None:
        write_earlier(folder.path, earlier_trials(config.search.warm_start))
    config = folder.write_config(config)
    params_range, cost_ranges = _ranges(config, space)
    header = StudyHeader(
        name=config.name,
        config=config.model_dump(mode="json"),
        space_hash=space.hash,
        data=_facts(data),
        params_range=params_range,
        cost_ranges=cost_ranges,
        trials=config.search.trials,
        hours=config.search.hours,
        epochs=config.search.epochs,
        patience=config.search.patience,
        environment=environment(),
        plugins={Path(plugin).name: plugin_digest(folder.path / plugin) for plugin in config.plugins},
        plan=config.trainings,
    )
    write_atomic(folder.path / ENVIRONMENT, environment_json(header, config))
    return StudyStore.create(folder.path, header, space, lock)


def _reopen(
    config: StudyConfig, folder: StudyFolder, data: SearchData, space: SearchSpace, lock: StudyLock
) -> StudyStore:
    # the study is read again: until the folder was locked, another process may have changed it
    results = open_study(folder.path)
    header = results.header
    folder.check_plugins(header, config)
    check_same(folder, header, config)
    search = config.search.model_copy(update={"storage": lock.location.storage})
    config = config.model_copy(update={"name": header.name, "search": search})
    if all(record.state == "running" for record in (*results.records, *results.references)):
        # no result depends on the images yet: they may be repaired
        header = replace(header, data=_facts(data))
    check_images(folder, header, config, data)
    if header.space_hash != space.hash:
        raise InvalidInputError(
            f"{folder.path} was searched in another space (now {space.hash}, recorded {header.space_hash}); "
            "search in another folder (--dir)"
        )
    store = StudyStore.open(folder.path, header.name, space, lock)
    config = folder.write_config(config)
    header = replace(with_budget(header, config), config=config.model_dump(mode="json"))
    if config.plan is not None:  # it may name more networks than before
        params_range, cost_ranges = _ranges(config, space)
        header = replace(header, params_range=params_range, cost_ranges=cost_ranges)
    store.write_header(header)
    return store


def _facts(data: SearchData) -> DataFacts:
    return TypeAdapter(DataFacts).validate_python(data.describe())


def _ranges(config: StudyConfig, space: SearchSpace) -> Ranges:
    """Return ``params_range`` and ``cost_ranges`` of the networks of the space or the plan."""
    if config.plan is not None:
        return plan_ranges(config, space)
    return space.params_range(), header_ranges(config.search.costs, space)
