"""A search from Python, in one call."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, Protocol

from results.study import StudyResults
from search.cli.options import FLAGS
from search.cli.search import Request, resolve
from search.cli.streams import fill_closed_descriptors
from search.study.folder import GIVEN, StudyFolder
from search.study.given_images import write_given
from search.study.progress import Silent, progress_for
from search.study.run import run_study
from space.core.atomic_files import user_path
from space.core.errors import InvalidInputError, shown


class Dataset(Protocol):
    """What ``torch.utils.data.Dataset`` offers: pairs (image, label) by their index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def run_search(
    study: str | Path | None = None,
    *,
    folder: str | Path | None = None,
    data: str | tuple[Any, Any] | Mapping[str, Any] | Dataset | None = None,
    data_root: str | Path | None = None,
    image_size: int | Sequence[int] | None = None,
    trials: int | None = None,
    hours: float | None = None,
    epochs: int | None = None,
    max_params: int | None = None,
    costs: str | Sequence[str] | None = None,
    warm_start: str | Path | None = None,
    seed: int | None = None,
    workers: int | Literal["auto"] | None = None,
    device: Literal["auto", "cpu", "cuda"] | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> StudyResults:
    """Search, or go on where the study in its folder stands, and return what it found.

    ``study`` is a preset's name, or the path of a study file or of a study's folder; what is left out is
    chosen as ``mgnas search`` does. The folder is runs/NAME unless ``folder`` says otherwise. ``settings``
    maps ``section.key`` to a value, such as ``{"train.lr": 0.05}``. The other arguments are the options of
    ``mgnas search``: ``epochs`` are those of each training, ``image_size`` is one side or (height, width).
    ``data`` may also be arrays ``(x, y)``, a dictionary with the arrays of an ``npz`` file, or a
    ``torch.utils.data.Dataset`` of images of one size and labels: they are read once, without augmentation
    if possible, and written into the study's folder. Works from scripts without a ``__main__`` guard and from
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
    chosen = None if folder is None else _path("folder", folder)
    if data is not None and not isinstance(data, str):
        chosen = chosen or _folder_of(study)
        data = write_given(data, chosen)
        if study is not None and chosen == _path("study", study):
            chosen = None
    named = {
        "data.source": data,
        "data.root": None if data_root is None else str(data_root),
        "data.image_size": image_size if image_size is None or isinstance(image_size, int) else [*image_size],
        "search.trials": trials,
        "search.hours": hours,
        "train.epochs": epochs,
        "space.max_params": max_params,
        "search.costs": costs if costs is None or isinstance(costs, str) else [*costs],
        "search.warm_start": None if warm_start is None else str(warm_start),
        "search.seed": seed,
        "search.workers": workers,
        "search.device": device,
    }
    for key, value in named.items():
        if value is not None and key in settings:
            name = FLAGS[key].removeprefix("--").replace("-", "_")
            raise InvalidInputError(f"{key} is given twice, as {name} and in settings")
    request = Request(
        study=None if study is None else _path("study", study),
        preset=None,
        folder=chosen,
        options=named | dict(settings),
        assignments=[],
        as_json=False,
    )
    config, path = resolve(request)
    fill_closed_descriptors()
    with closing(progress_for(sys.stderr) if progress else Silent()) as reported:
        return run_study(config, path, reported)


def _folder_of(study: str | Path | None) -> Path:
    """Return where a study of given images lies if nobody says: in its own folder, or runs/given."""
    own = None if study is None else _path("study", study)
    return own if own is not None and StudyFolder(own).has_study else Path("runs") / Path(GIVEN).stem


def _path(argument: str, value: str | Path) -> Path:
    if not isinstance(value, str | Path):
        raise InvalidInputError(f"{argument} must be a text or a path, but got {shown(value)}")
    return user_path(value, argument)
