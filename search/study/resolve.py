"""The configuration of a study: from a preset, study file or folder, options and assignments."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from results.open import open_study
from search.study.config import StudyConfig, Tables
from search.study.folder import StudyFolder
from search.study.study_file import overlay, parse_assignment, preset_names, read_preset, read_study_file
from search.study.targeted import named_target, table_of, with_named_target
from space.core.atomic_files import absolute_path
from space.core.errors import InvalidInputError, shown
from space.targets.target import Target
from trainers.data.sources import SOURCES

FLAGS = {
    "data.source": "--data",
    "data.root": "--data-root",
    "train.epochs": "--epochs",
    "execution.threads": "--threads",
    "search.trials": "--trials",
    "search.hours": "--hours",
    "search.seed": "--seed",
    "search.workers": "--workers",
    "search.device": "--device",
    "data.image_size": "--image-size",
    "space.train": "--image-size",
    "space.max_params": "--max-params",
    "search.costs": "--costs",
    "search.metric": "--metric",
    "search.warm_start": "--warm-start",
}
"""The option of a configuration key. The argument in Python has the same name, with underscores."""
MOST_NAME_BYTES = 200
"""Length limit of a default study name, which also names a folder."""


@dataclass(frozen=True)
class Request:
    """A study as a user asks for it, before its configuration is resolved.

    Attributes:
        study: A study file, a study folder or a preset.
        preset: A preset; excludes ``study``.
        folder: The study's folder. Default: runs/NAME.
        options: Values by ``section.key``; None leaves the base's value.
        assignments: Texts ``section.key=value``, which have precedence over ``options``.
        flags: The option of each ``section.key``, such as ``--epochs``, for error messages.
        resumes: Whether a study in the default folder gives the base configuration.
        target: A name or file of a device.
    """

    study: Path | None = None
    preset: str | None = None
    folder: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    assignments: Sequence[str] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    resumes: bool = True
    target: str | None = None


def resolve(request: Request) -> tuple[StudyConfig, Path]:
    """Return the configuration and the study folder of a request.

    The request's study, preset or folder gives the base configuration; options and assignments change it. A
    request without a base resumes the study in its folder. Without a study in the folder, the images
    determine the preset: ``digits``, ``cifar10-small`` for CIFAR and SVHN, ``images`` for others. With a
    microcontroller as target it is ``microcontroller`` for all but ``digits``.

    Returns:
        The configuration, and the path of the study's folder.

    Raises:
        InvalidInputError: A value is unknown or out of range, or the request names two bases.
    """
    changes = _changes(request)
    target = _target(request)
    root = changes.get("data", {}).get("root")
    if root and isinstance(root, str):  # an option is relative to the working folder, not to the study file
        changes["data"]["root"] = absolute_path(Path.cwd(), root, f"data.root = {shown(root)}")
    base, source, data_base = _base(request, changes, target)
    base = with_named_target(base, source, data_base)
    if target is not None:
        base |= {"target": table_of(target)}
    if any(not isinstance(base.get(section, {}), dict) for section in changes):
        StudyConfig.parse(
            base, source, data_base
        )  # rejects a value in place of a table before its keys are set
    asked = overlay(base, _with_searched_training(changes, base))
    if earlier := _earlier_study(changes, Path.cwd()) or _earlier_study(base, data_base):
        asked = overlay(asked, {"search": {"warm_start": earlier}})
    try:
        config = StudyConfig.parse(asked, source, data_base)
    except InvalidInputError as error:
        raise _with_flag(error, source, request) from None
    given = "source" in changes.get("data", {})
    config = config.model_copy(update={"data": config.data.resolved(Path.cwd() if given else data_base)})
    return config, _folder(request, config)


def _with_searched_training(changes: Tables, base: Tables) -> Tables:
    """Return the changes with the keys of ``[space.train]`` that the base searches and the changes do not."""
    before, now = (tables.get("space", {}).get("train") for tables in (base, changes))
    if not isinstance(before, dict) or not isinstance(now, dict):
        return changes
    return overlay(changes, {"space": {"train": before | now}})


def _earlier_study(tables: Tables, base: Path) -> str | None:
    """Return the absolute path of the warm start in ``tables``; a relative path starts at ``base``."""
    search = tables.get("search")
    folder = search.get("warm_start") if isinstance(search, dict) else None
    if not folder or not isinstance(folder, str):
        return None
    return absolute_path(base, folder, f"search.warm_start = {shown(folder)}")


def study_or_preset(text: str | None) -> tuple[Path | None, str | None]:
    """Return ``text`` as the path of a study, or as the name of a preset; the other value is None."""
    if not text or _is_preset(text):
        return None, text
    try:
        return (Path(text), None) if Path(text).exists() else (None, text)
    except (OSError, ValueError):  # not a path
        return None, text


def _is_preset(text: str) -> bool:
    """Return whether ``text`` names a preset; a study in a folder of that name has precedence."""
    return text in preset_names() and not StudyFolder(text).has_study


def _changes(request: Request) -> Tables:
    """Return the tables that options and assignments set.

    Raises:
        InvalidInputError: A value is empty.
    """
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


def _target(request: Request) -> Target | None:
    """Return the target that the request names; raises InvalidInputError for an unknown one."""
    if request.target is None:
        return None
    flag = "--target" if request.flags else "target"
    if not request.target.strip():
        raise InvalidInputError(f"{flag} is empty; name a device or a file, or leave it out")
    try:
        return named_target(request.target, Path.cwd())
    except InvalidInputError as error:
        raise InvalidInputError(f"{flag}: {error}") from None


def _with_flag(error: InvalidInputError, source: str, request: Request) -> InvalidInputError:
    """Return ``error`` with the name of the option that set the value, instead of the study file's name."""
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


def _base(request: Request, changes: Tables, target: Target | None) -> tuple[Tables, str, Path]:
    """Return the base tables, their name in error messages, and the folder of their relative paths."""
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
    name = _preset_for(data, target)
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
    tables = study.recorded_tables(open_study(folder).header)
    return tables, str(folder / "study.toml"), folder


def _has_folders(folder: Path) -> bool:
    try:
        return any(entry.is_dir() for entry in folder.iterdir())
    except OSError:
        return False


def _preset_for(data: Any, target: Target | None) -> str:
    """Return the default preset of an image source, for a target if there is one."""
    if data in (None, "digits"):
        return "digits"
    if target is not None and target.is_microcontroller:
        return "microcontroller"
    return "cifar10-small" if data in ("cifar10", "cifar100", "svhn") else "images"


def _default_name(preset: str, data: Any) -> str:
    """Return the default name of a study: the preset, or the file or folder of the images."""
    kind, _, path = str(data or "").partition(":")
    if kind not in SOURCES:
        return preset  # a later check rejects the unknown source; an error about the name would mislead
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
