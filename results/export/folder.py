"""The export of a trained network: a folder that works without the study, written atomically."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from results.export.destination import (
    MANIFEST,
    check_destination,
    locked,
    locked_parent,
    move,
    new_beside,
    remove_left,
)
from results.export.formats import INSTALL, ONNXRUNTIME, WRITERS, ExportError, Source, missing_packages
from results.export.model_card import architecture_card, model_card
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.atomic_files import sha256_of, shell_word
from space.core.errors import InvalidInputError, nearest
from space.networks.families import BUILT_IN
from space.networks.load import load_spec
from space.networks.plugins import load_plugins, plugin_digest

__all__ = ["DEFAULT_FORMATS", "ExportError", "ExportResult", "export_trial"]

DEFAULT_FORMATS = ("spec", "safetensors", "onnx")


@dataclass(frozen=True)
class ExportResult:
    """The result of an export.

    Attributes:
        folder: The folder.
        files: The files in it.
        onnx_max_difference: The largest difference between the logits of ONNX Runtime and torch; None without
            the format ``onnx``.
        skipped: The reason for each default format that was not written.
        gone: Names of files of an earlier export that this one removed.
    """

    folder: Path
    files: tuple[Path, ...]
    onnx_max_difference: float | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


def export_trial(
    study: StudyReader, trial: TrialRecord, to: Path, formats: Sequence[str] | None = None
) -> ExportResult:
    """Write the trained network of a trial to a folder; an earlier export there is replaced.

    The folder also gets a model card (README.md), and classify.py if it has a model to run. After an error the
    folder is unchanged.

    Args:
        study: The study.
        trial: The trial. The format ``spec`` alone needs no weights, so any trial has it.
        to: The folder.
        formats: Names of ``WRITERS``; None for spec, safetensors and, if its packages are installed, onnx.

    Raises:
        InvalidInputError: A format is unknown or its packages are missing; ``to`` has other files; the trial has
            no weights, or its file is missing, damaged or of another network; a plugin fails.
        ExportError: A converter failed, or its model does not compute the same logits.
        OSError: The folder cannot be written.
    """
    names, skipped = _choose(formats)
    to = Path(to).resolve()
    check_destination(to)
    plugins = _plugins_of(study, trial)
    source = _source(study, trial, needs_weights=names != ["spec"])
    to.parent.mkdir(parents=True, exist_ok=True)
    with locked_parent(to):
        remove_left(to)
        part = new_beside(to, "part")
        held = locked(part)
    try:
        differences = {name: WRITERS[name](source, part) for name in names}
        for plugin in plugins:
            (part / plugin.name).write_bytes(plugin.read_bytes())
        (part / "README.md").write_text(_card(study, trial, source, names, plugins), encoding="utf-8")
        if {"onnx", "safetensors"} & set(names):
            script = resources.files("results.export") / "snippets" / "classify.py"
            (part / "classify.py").write_bytes(script.read_bytes())
        _write_manifest(part, study, trial, differences, plugins)
        files = tuple(to / path.name for path in sorted(part.iterdir()))
        with locked_parent(to):
            check_destination(to)  # again: another export may have finished meanwhile
            present = {path.name for path in to.iterdir()} if to.is_dir() else set()
            move(part, to)
        gone = present - {path.name for path in files}
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        os.close(held)
    return ExportResult(to, files, differences.get("onnx"), skipped, tuple(sorted(gone)))


def _choose(formats: Sequence[str] | None) -> tuple[list[str], dict[str, str]]:
    """Return the formats to write, in the order of ``WRITERS``, and the reason for each skipped one."""
    asked = DEFAULT_FORMATS if formats is None else tuple(formats)
    known = ", ".join(WRITERS)
    if not asked:
        raise InvalidInputError(f"no format to export was named; choose from {known}")
    skipped: dict[str, str] = {}
    for name in asked:
        if name not in WRITERS:
            hint = nearest(name, tuple(WRITERS))
            raise InvalidInputError(f"a format must be one of {known}, but got {name!r}{hint}")
        if missing := missing_packages(name):
            skipped[name] = f"{name} needs {' and '.join(missing)}, not installed here: {INSTALL}"
    if skipped and formats is not None:
        raise InvalidInputError(f"the format {next(iter(skipped.values()))}")
    return [name for name in WRITERS if name in asked and name not in skipped], skipped


def _plugins_of(study: StudyReader, trial: TrialRecord) -> list[Path]:
    """Load and return the plugins of the network's family; none for a built-in family."""
    if trial.spec.get("family", "mgnet") in {family.name for family in BUILT_IN}:
        return []
    plugins = [study.folder / name for name in study.header.config.get("plugins", ())]
    for plugin in plugins:
        if plugin_digest(plugin) != study.header.plugins.get(plugin.name):
            raise InvalidInputError(f"{plugin} was changed after the search; restore it from a copy")
    load_plugins(plugins)
    return plugins


def _card(
    study: StudyReader, trial: TrialRecord, source: Source, names: list[str], plugins: list[Path]
) -> str:
    files = [plugin.name for plugin in plugins]
    if source.path is None:
        return architecture_card(study, trial, files)
    return model_card(study, trial, source.weights[0], names, files)


def _source(study: StudyReader, trial: TrialRecord, *, needs_weights: bool) -> Source:
    """Return the network to export; raise InvalidInputError if required weights are missing or damaged."""
    spec = load_spec(trial.spec, source=f"trial {trial.number}")
    if not needs_weights:
        return Source(spec)
    path = _weights_of(study, trial)
    source = Source(spec, path)
    again = f"train it again with 'mgnas search {shell_word(study.folder)} --repair', or restore the file"
    try:
        found = source.weights[0].network_spec()
    except InvalidInputError as error:
        raise InvalidInputError(f"trial {trial.number}: {error}; {again}") from None
    if found.arch != trial.arch:
        raise InvalidInputError(
            f"{path} holds the network {found.arch} ({found.notation}), but trial {trial.number} is "
            f"{trial.arch} ({trial.notation}); {again}"
        )
    return source


def _weights_of(study: StudyReader, trial: TrialRecord) -> Path:
    """Return the file of a trial's weights; raise InvalidInputError if there is none."""
    if trial.state != "complete":
        state = "has no result yet"
        if trial.state == "failed":
            state = f"failed ({trial.reason})"
        elif trial.state == "stopped":
            state = f"was {trial.reason}"
        raise InvalidInputError(
            f"trial {trial.number} {state}, so it has no trained network; {_others(study)}"
        )
    if trial.weights is None:
        raise InvalidInputError(
            f"the weights of trial {trial.number} are not kept (search.keep_weights is front: only those of "
            f"networks on the front are); {_others(study)}, or search in a new folder with "
            "--set search.keep_weights=all"
        )
    return study.folder / trial.weights


def _others(study: StudyReader) -> str:
    on_front = [str(record.number) for record in study.front_records if record.weights]
    if on_front:
        return f"pick one on the front that has weights: trial {', '.join(on_front)} (--trial)"
    return "no trial on the front has weights"


def _write_manifest(
    folder: Path,
    study: StudyReader,
    trial: TrialRecord,
    differences: dict[str, float | None],
    plugins: list[Path],
) -> None:
    facts = {
        "study": study.name,
        **trial.point(),
        "max_difference": {name: value for name, value in differences.items() if value is not None},
        "plugins": [plugin.name for plugin in plugins],
        "requires": {"onnxruntime": ONNXRUNTIME} if "onnx" in differences else {},
        "files": {path.name: sha256_of(path) for path in sorted(folder.iterdir())},
    }
    (folder / MANIFEST).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
