"""``mgnas search``: from what stands on the command line to a study, and what is said at its end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from results.front import complete_trials
from results.picks import RECOMMENDED
from results.plots.axes import duration
from results.study import REPORT, StudyResults
from results.study_text import print_study_front
from results.tables import print_json, print_references
from search.study.config import (
    StudyConfig,
    Tables,
    overlay,
    parse_assignment,
    preset_names,
    read_preset,
    read_study_file,
)
from search.study.driver import SearchError
from search.study.folder import StudyFolder
from search.study.outputs import outputs_are_fresh
from search.study.progress import progress_for
from search.study.run import run_study
from space.core.atomic_files import absolute_path, shell_word
from space.core.errors import InvalidInputError, shown
from trainers.data.sources import SOURCES
from trainers.device.allocator import keep_freed_memory

MOST_NAME_BYTES = 200
"""Of a study's name that nobody chose; it is a folder's name too."""


@dataclass(frozen=True)
class Request:
    """What stands on the command line; ``options`` maps section.key to the value given, or None.

    ``flags`` maps section.key to what such an option is called, ``--epochs``, for errors. Studies that were
    begun before bring their configuration only where a search may go on (``resumes``).
    """

    study: Path | None
    preset: str | None
    folder: Path | None
    options: dict[str, Any]
    assignments: list[str]
    as_json: bool
    flags: Mapping[str, str] = field(default_factory=dict)
    resumes: bool = True
    repair: bool = False


def launch(request: Request) -> None:
    """Search as asked and print the front, the report's path and the line that exports from it.

    Raises:
        SearchError: the search cannot go on, or no trial of it has a result.
    """
    config, folder = resolve(request)
    keep_freed_memory()
    try:
        with closing(progress_for(sys.stderr)) as progress:
            results = run_study(config, folder, progress, repair=request.repair)
    except (KeyboardInterrupt, SystemExit):
        if StudyFolder(folder).has_study:
            again = f"mgnas search {shell_word(folder)}"
            with suppress(BrokenPipeError):  # Ctrl-C ends `tee` as well
                sys.stderr.write(f"\nstopped; everything that was finished is kept. Go on with: {again}\n")
        raise
    if not results.front_records:
        raise SearchError(f"{folder}: {results.why_no_front}")
    if request.as_json:
        is_fresh = outputs_are_fresh(results.folder, [REPORT])
        print_json(results.summary() | {"report": str(results.folder / REPORT) if is_fresh else None})
    else:
        _print_end(results)


def _print_end(results: StudyResults) -> None:
    out = sys.stdout
    out.write(
        f"study {results.folder} is complete: {results.spent}; "
        f"{duration(results.searched_s)} of searching, hypervolume {results.hypervolume:.4f}\n\n"
    )
    print_study_front(results, out)
    if references := complete_trials(results.references):
        out.write("\ncompared with:\n\n")
        print_references(references, out, results.header.costs)
    if outputs_are_fresh(results.folder, [REPORT]):
        out.write(f"\nreport: {results.folder / REPORT}\n")
    else:
        out.write("\nreport: not written\n")
    out.write(f"export: mgnas export {shell_word(results.folder)} --pick {RECOMMENDED}\n")


def resolve(request: Request) -> tuple[StudyConfig, Path]:
    """Return the configuration asked for and the folder of its study.

    The base is the study file, the preset or the folder that is named. Where none is named, a folder that
    holds a study brings its own configuration, if the request resumes; else it is the preset that belongs
    to the images: ``digits``, ``cifar10-small`` for CIFAR and SVHN, ``images`` for others.

    Raises:
        InvalidInputError: any value is unknown or out of range, or two bases are named.
    """
    changes = _changes(request)
    root = changes.get("data", {}).get("root")
    if root and isinstance(root, str):  # seen from here, whatever the source is seen from
        changes["data"]["root"] = absolute_path(Path.cwd(), root, f"data.root = {shown(root)}")
    base, source, data_base = _base(request, changes)
    if any(not isinstance(base.get(section, {}), dict) for section in changes):
        StudyConfig.parse(base, source, data_base)  # refuses what should be a table, before keys go into it
    asked = overlay(base, changes)
    if earlier := _earlier_study(changes, Path.cwd()) or _earlier_study(base, data_base):
        asked = overlay(asked, {"search": {"warm_start": earlier}})
    try:
        config = StudyConfig.parse(asked, source, data_base)
    except InvalidInputError as error:
        raise _with_flag(error, source, request) from None
    given = "source" in changes.get("data", {})
    config = config.model_copy(update={"data": config.data.resolved(Path.cwd() if given else data_base)})
    return config, _folder(request, config)


def _earlier_study(tables: Tables, base: Path) -> str | None:
    """Return the study that these tables begin with, seen from ``base``, as an absolute path."""
    search = tables.get("search")
    folder = search.get("warm_start") if isinstance(search, dict) else None
    if not folder or not isinstance(folder, str):
        return None
    return absolute_path(base, folder, f"search.warm_start = {shown(folder)}")


def study_or_preset(text: str | None) -> tuple[Path | None, str | None]:
    """Return the study or the preset that ``text`` names: a study's folder, a preset, or else a file."""
    if not text or _is_preset(text):
        return None, text
    try:
        return (Path(text), None) if Path(text).exists() else (None, text)
    except (OSError, ValueError):  # no path at all
        return None, text


def _is_preset(text: str) -> bool:
    """Return whether ``text`` names a preset, and no study that lies in a folder of that name."""
    return text in preset_names() and not StudyFolder(text).has_study


def _changes(request: Request) -> Tables:
    """Return the tables that options and assignments stand for; raises InvalidInputError for empty ones."""
    if request.preset is not None and not request.preset.strip():
        raise InvalidInputError(f"--preset is empty; name one of {', '.join(preset_names())}")
    changes: Tables = {}
    for name, value in request.options.items():
        if name in request.flags and isinstance(value, str) and not value.strip():
            raise InvalidInputError(f"{request.flags[name]} is empty; give it a value, or leave it out")
        if value is not None:
            section, _, key = name.partition(".")
            changes = overlay(changes, {section: {key: value}})
    for assignment in request.assignments:
        changes = overlay(changes, parse_assignment(assignment))
    return changes


def _with_flag(error: InvalidInputError, source: str, request: Request) -> InvalidInputError:
    """Return ``error`` with the option that brought the value in the place of the tables under it."""
    if not str(error).startswith(f"{source}: "):
        return error
    message = str(error).removeprefix(f"{source}: ")
    assigned = [text.partition("=")[0].strip() for text in request.assignments]
    given = [(name, flag) for name, flag in request.flags.items() if request.options.get(name) is not None]
    for name, flag in [*((name, "--set") for name in assigned), *given]:
        unknown = [f"unknown key {key!r}" for key in (name, name.partition(".")[0])]
        if message.startswith((f"{name}: ", f"{name}.", f"{name} ", *unknown)):
            return InvalidInputError(f"{flag}: {message}")
    return error


def _base(request: Request, changes: Tables) -> tuple[Tables, str, Path]:
    """Return the tables to start from, what errors shall call them, and where their files are seen from."""
    study = request.study
    if study is not None and request.preset is not None:
        raise InvalidInputError(f"give either the study file {study} or --preset {request.preset}, not both")
    is_preset = study is not None and _is_preset(str(study))
    if study is not None and study.is_dir() and not is_preset:
        if request.folder is not None:
            raise InvalidInputError(f"give either the folder {study} or --dir {request.folder}, not both")
        return _recorded(study)
    if study is not None and is_preset:
        return read_preset(str(study)), f"preset {study}", Path.cwd()
    if study is not None and not study.exists() and str(study).partition(":")[0] in SOURCES:
        quoted = shlex.quote(str(study))
        raise InvalidInputError(f"{study} names images, and not a study: mgnas search --data {quoted}")
    if study is not None:
        return read_study_file(study), str(study), study.parent
    if request.preset is not None:
        return read_preset(request.preset), f"preset {request.preset}", Path.cwd()
    data = changes.get("data", {}).get("source")
    name = _preset_for(data)
    folder = request.folder or Path("runs") / _default_name(name, data)
    if request.resumes and StudyFolder(folder).has_study:
        return _recorded(folder)
    return read_preset(name) | {"name": _default_name(name, data)}, f"preset {name}", Path.cwd()


def _recorded(folder: Path) -> tuple[Tables, str, Path]:
    study = StudyFolder(folder)
    if not study.has_study:
        source = shlex.quote(f"imagefolder:{folder}")
        images = f" (images in it: --data {source})" if _has_folders(folder) else ""
        raise InvalidInputError(
            f"{folder} holds no study; name a study file, a preset, or nothing at all{images}"
        )
    tables = study.recorded_config().model_dump(mode="json", exclude_none=True)
    return tables, str(folder / "study.toml"), folder


def _has_folders(folder: Path) -> bool:
    try:
        return any(entry.is_dir() for entry in folder.iterdir())
    except OSError:
        return False


def _preset_for(data: Any) -> str:
    """Return the preset that suits a source of images where none is named."""
    if data in (None, "digits"):
        return "digits"
    return "cifar10-small" if data in ("cifar10", "cifar100", "svhn") else "images"


def _default_name(preset: str, data: Any) -> str:
    """Return the study's name where nobody named it: the preset's, or that of the file with the images."""
    kind, _, path = str(data or "").partition(":")
    if kind not in SOURCES:
        return preset  # an error, which is about the source and not about a name made of it
    if kind not in ("npz", "imagefolder"):
        return kind
    stem = (Path(path).stem if kind == "npz" else Path(path).name).replace("\0", "").encode(errors="replace")
    name = stem[:MOST_NAME_BYTES].decode(errors="ignore").strip()
    return preset if name in ("", "..") else name


def _folder(request: Request, config: StudyConfig) -> Path:
    if request.folder is not None:
        return request.folder
    if request.study is not None and StudyFolder(request.study).has_study:
        return request.study
    return Path("runs") / config.name
