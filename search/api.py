"""A search from Python, in one call."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from results.study import StudyResults
from search.launch import Request, resolve
from search.progress import Silent, progress_for
from search.run import run_study
from search.streams import fill_closed_descriptors
from space.errors import InvalidInputError, shown
from space.files import user_path


def run_search(
    study: str | Path | None = None,
    *,
    folder: str | Path | None = None,
    data: str | None = None,
    trials: int | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> StudyResults:
    """Search, or go on where the study in its folder stands, and return what it found.

    ``study`` is a preset's name, or the path of a study file or of a study's folder; what is left out is
    chosen as ``mgnas search`` does. The folder is runs/NAME unless ``folder`` says otherwise. ``settings``
    maps ``section.key`` to a value, such as ``{"train.epochs": 20}``; ``data`` and ``trials`` are short for
    ``data.source`` and ``search.trials``. Works from scripts without a ``__main__`` guard and from
    notebooks: workers are programs of their own.

    Raises:
        InvalidInputError: a value is unknown or out of range, bad data, or the folder holds something else.
        SearchError: the search cannot go on. What was found is recorded.
        StorageFullError: there is no room on the disk; with room, the same call goes on.
    """
    if settings is not None and not isinstance(settings, Mapping):
        raise InvalidInputError(f"settings must be a dictionary, but got {shown(settings)}")
    settings = settings or {}
    for key, value in settings.items():
        if not isinstance(key, str) or not all(key.partition(".")):
            raise InvalidInputError(f"settings take section.key, such as train.epochs, but got {shown(key)}")
        if value is None:
            raise InvalidInputError(f"settings: {key} is None; give it a value, or leave it out")
    for name, key, value in (("data", "data.source", data), ("trials", "search.trials", trials)):
        if value is not None and key in settings:
            raise InvalidInputError(f"{key} is given twice, as {name} and in settings")
    request = Request(
        study=None if study is None else _path("study", study),
        preset=None,
        folder=None if folder is None else _path("folder", folder),
        options={"data.source": data, "search.trials": trials, **settings},
        assignments=[],
        as_json=False,
    )
    config, path = resolve(request)
    fill_closed_descriptors()
    with closing(progress_for(sys.stderr) if progress else Silent()) as reported:
        return run_study(config, path, reported)


def _path(argument: str, value: str | Path) -> Path:
    if not isinstance(value, str | Path):
        raise InvalidInputError(f"{argument} must be a text or a path, but got {shown(value)}")
    return user_path(value, argument)
