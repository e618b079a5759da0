"""Whether a folder holds the study that is asked for, and whether that study is complete."""

from __future__ import annotations

from dataclasses import replace

from results.open import Study, open_study
from results.storage.location import SQLITE, locate
from results.storage.records import StudyHeader
from search.study.config import StudyConfig
from search.study.devices import unmeasured
from search.study.folder import StudyFolder
from search.study.int8_front import quantise_front
from search.study.outputs import output_names, outputs_are_fresh, write_outputs
from search.study.plan import check_recorded
from search.study.progress import Progress
from search.study.retraining import lost_of_front, lost_weights, note_lost
from search.study.same_study import first_difference
from space.core.atomic_files import shell_word
from space.core.errors import InvalidInputError
from trainers.data.load_splits import load_search_data
from trainers.data.splits import SearchData, other_names


def results_if_complete(
    config: StudyConfig,
    folder: StudyFolder,
    progress: Progress,
    data: SearchData | None,
    *,
    repair: bool,
) -> Study | None:
    """Return the results of a complete study, without torch and usually without its images; None otherwise.

    Args:
        config: The configuration asked for.
        folder: The folder, which holds a study.
        progress: The display of the search.
        data: The images, if they are loaded already; they are then compared with the recorded ones.
        repair: Whether a study with lost weights counts as incomplete.

    Raises:
        InvalidInputError: The folder holds another study, other images, or a damaged study.
    """
    results = open_study(folder.path)
    recorded = results.header
    folder.check_plugins(recorded, config)
    folder.recorded_tables(recorded)  # an edited study.toml is refused
    check_same(folder, recorded, config)
    if config.plan is not None:
        check_recorded(folder.path, results.records, results.reports)
    if data is not None:
        check_images(folder, recorded, config, data)
    results.header = with_budget(recorded, config)
    if results.spent is None or results.untrained(config.references):
        return None
    if config.search.devices and unmeasured(results.records):
        return None
    if data is None and recorded.config["data"]["source"] != config.data.source:
        check_images(folder, recorded, config, load_search_data(config.data))
    if repair and lost_weights(folder.path, [*results.records, *results.references]):
        return None
    note_lost(lost_of_front(results), folder.path, progress)
    if quantise_front(results, config.data, progress):
        results = open_study(folder.path)
        results.header = with_budget(recorded, config)
    if not outputs_are_fresh(folder.path, output_names(results)):
        with folder.locked():
            results.header = recorded  # the files show the recorded budget, which may be larger
            write_outputs(results, progress)
            results.header = with_budget(recorded, config)
    return results


def with_budget(header: StudyHeader, config: StudyConfig) -> StudyHeader:
    """Return the header with the budgets now asked for."""
    search = config.search
    return replace(
        header,
        trials=search.trials,
        hours=search.hours,
        epochs=search.epochs,
        patience=search.patience,
        plan=config.trainings,
    )


def check_same(folder: StudyFolder, recorded: StudyHeader, asked: StudyConfig) -> None:
    """Raise InvalidInputError if a setting that decides results, or the database, differs from the recorded one."""
    storage, location = asked.search.storage, locate(folder.path)
    if storage not in (SQLITE, location.storage):
        raise InvalidInputError(
            f"{folder.path} holds a study whose database is {location.storage}, but search.storage is {storage}; "
            f"'mgnas move {shell_word(folder.path)} --storage ...' moves it"
        )
    if difference := first_difference(recorded.config, asked.model_dump(mode="json")):
        raise InvalidInputError(
            f"{folder.path} holds a study with {difference} is asked for; "
            f"choose another folder ({folder.option}), or ask for the same again"
        )


def check_images(folder: StudyFolder, header: StudyHeader, asked: StudyConfig, data: SearchData) -> None:
    """Raise InvalidInputError if the images or the names of their classes differ from the recorded ones."""
    if header.data["fingerprint"] != data.fingerprint():
        raise InvalidInputError(
            f"{folder.path} holds a study of other images than {asked.data.source} holds now; "
            f"choose another folder ({folder.option}), or name the place of the same images (--data)"
        )
    if (classes := list(data.classes)) != (before := header.data.get("classes", classes)):
        raise InvalidInputError(
            f"{folder.path} holds a study with {other_names(before, classes)} in {asked.data.source}; "
            f"choose another folder ({folder.option}), or restore the earlier names"
        )
