"""A search from Python, in one call."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results.study import StudyResults
from search.launch import Request, resolve
from search.progress import Silent, progress_for
from search.run import run_study


def run_search(
    study: str | Path = "digits",
    *,
    folder: str | Path | None = None,
    data: str | None = None,
    trials: int | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> StudyResults:
    """Search, or go on where the study in its folder stands, and return what it found.

    ``study`` is a preset's name or the path of a study file (``.toml``) or of a study's folder. The folder
    is runs/NAME unless ``folder`` says otherwise. ``settings`` maps ``section.key`` to a value, such as
    ``{"train.epochs": 20}``; ``data`` and ``trials`` are short for ``data.source`` and ``search.trials``.
    Works from scripts without a ``__main__`` guard and from notebooks: workers are programs of their own.

    Raises:
        InvalidInputError: a value is unknown or out of range, bad data, or the folder holds something else.
        SearchError: the search cannot go on. What was found is recorded.
    """
    is_path = isinstance(study, Path) or study.endswith(".toml") or "/" in study
    request = Request(
        study=Path(study) if is_path else None,
        preset=None if is_path else str(study),
        folder=Path(folder) if folder is not None else None,
        options={"data.source": data, "search.trials": trials, **(settings or {})},
        assignments=[],
        as_json=False,
    )
    config, path = resolve(request)
    return run_study(config, path, progress_for(sys.stderr) if progress else Silent())
