"""The export of a trained network: a folder that works without the study, written atomically."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path

from results.chosen import Certificate, ChosenNetwork
from results.export.choice import DEFAULT_FORMATS, choose, default_formats
from results.export.destination import (
    MANIFEST,
    check_destination,
    files_in,
    locked,
    locked_parent,
    move,
    new_beside,
    remove_left,
)
from results.export.figures import figures_of
from results.export.finetuning import LARGE_LOSS, Finetuner, Finetuning
from results.export.firmware.write import read_figures
from results.export.formats import FORMATS, loading_of
from results.export.model_card import architecture_card, model_card
from results.export.onnx_file import ONNXRUNTIME
from results.export.onnx_int8 import int8_line, int8_warnings
from results.export.preprocessing import Preprocessing
from results.export.proof import Proofs, prove
from results.export.sample import Sample, SampleLoader, num_images, random_sample
from results.export.source import ExportError, Source
from results.storage.plugin_files import plugin_files
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.atomic_files import sha256_of, shell_word
from space.core.errors import InvalidInputError
from space.networks.families import BUILT_IN
from space.networks.load import load_spec
from space.networks.plugins import load_plugins
from space.networks.spec import Spec
from space.networks.weights_file import Trained

__all__ = ["DEFAULT_FORMATS", "ExportError", "ExportResult", "export_trial"]


@dataclass(frozen=True)
class ExportResult:
    """The result of an export.

    Attributes:
        folder: The folder.
        files: The files in it.
        proofs: The comparison of each format with the trained network; None for ``spec`` alone.
        skipped: The reason for each default format that was not written.
        gone: Names of files of an earlier export that this one removed.
        figures: The figures of formats that state more than a proof, one line each.
        warnings: Disadvantages of formats, one line each.
        finetuning: The figures of the fine-tuning; None without one.
    """

    folder: Path
    files: tuple[Path, ...]
    proofs: Proofs | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    figures: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    finetuning: Finetuning | None = None


def export_trial(
    study: StudyReader,
    trial: TrialRecord,
    to: Path,
    formats: Sequence[str] | None = None,
    load_images: SampleLoader | None = None,
    certificate: Certificate | None = None,
    finetuner: Finetuner | None = None,
) -> ExportResult:
    """Write the trained network of a trial to a folder; an earlier export there is replaced.

    Each format is loaded back in a fresh process and compared with the trained network. The folder also gets a
    model card (README.md), classify.py if it has a model to run, and bench.py if that is an ONNX file. After an
    error the folder is unchanged.

    Args:
        study: The study with the trial: that of the search, or its certification.
        trial: The trial. The format ``spec`` alone needs no weights, so any trial has it.
        to: The folder.
        formats: Names of ``FORMATS``; None for those of the study's target, or else of ``DEFAULT_FORMATS``,
            that are possible here.
        load_images: Loads validation images for the comparison. Without it, or if it refuses, the images are
            random.
        certificate: The certified figures of the network, if the trial is one of its certification.
        finetuner: Fine-tunes the network for its int8 code first; None exports the trained weights.

    Raises:
        InvalidInputError: A format is unknown or its packages are missing; ``to`` has other files; the trial has
            no weights, or its file is missing, damaged or of another network; a plugin fails.
        ExportError: A converter failed, or a format does not compute the same logits.
        OSError: The folder cannot be written.
    """
    to = Path(to).resolve()
    check_destination(to)
    plugins = _plugins_of(study, trial)
    spec = load_spec(trial.spec, source=f"trial {trial.number}")
    names, skipped = choose(formats, spec, default_formats(study.header.config))
    if finetuner is not None and names == ["spec"]:
        raise InvalidInputError(
            "fine-tuning changes weights, but the format spec has none; add another format"
        )
    source = _source(study, trial, spec, plugins, needs_weights=names != ["spec"])
    source = replace(source, load_sample=lambda trained: _sample(study, trained, load_images))
    network = ChosenNetwork(trial, study, certificate)
    with tempfile.TemporaryDirectory(prefix="mgnas-finetuning-") as scratch:
        if finetuner is not None:
            weights = Path(scratch) / "weights.safetensors"
            source = replace(source, path=weights, finetuning=finetuner(study, trial, weights))
        return replace(_exported(to, network, source, names, plugins), skipped=skipped)


def _exported(
    to: Path, network: ChosenNetwork, source: Source, names: list[str], plugins: list[Path]
) -> ExportResult:
    """Write an export atomically."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with locked_parent(to):
        remove_left(to)
        part = new_beside(to, "part")
        held = locked(part)
    try:
        proofs, figures, warnings = _write(part, network, source, names, plugins)
        files = tuple(to / name for name in files_in(part))
        with locked_parent(to):
            check_destination(to)  # again: another export may have finished meanwhile
            present = set(files_in(to))
            move(part, to)
        gone = present - {path.relative_to(to).as_posix() for path in files}
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        os.close(held)
    return ExportResult(
        to, files, proofs, {}, tuple(sorted(gone)), figures, warnings, finetuning=source.finetuning
    )


def _write(
    part: Path,
    network: ChosenNetwork,
    source: Source,
    names: list[str],
    plugins: list[Path],
) -> tuple[Proofs | None, dict[str, str], tuple[str, ...]]:
    """Write all files of an export into a folder; return the comparison, the figures and the warnings."""
    for plugin in plugins:
        (part / plugin.name).write_bytes(plugin.read_bytes())
    figures = {name: line for name in names if (line := FORMATS[name].write(source, part))}
    loadings = {name: one for name in names if (one := loading_of(name, source.spec)) is not None}
    proofs = None
    if loadings:
        proofs = prove(source, part, loadings, source.sample)
        _write_script(part, "classify.py")
    if any(loading.environment == "onnxruntime" for loading in loadings.values()):
        _write_script(part, "bench.py")
    (part / "README.md").write_text(_card(network, source, names, proofs), encoding="utf-8")
    _write_manifest(part, network, source, names, proofs)
    warnings: list[str] = []
    if "c" in names:
        firmware = read_figures(part)
        figures["c"] = firmware.text
        if source.finetuning is None and firmware.points < -100 * LARGE_LOSS:
            warnings.append(
                "the int8 code loses more than half a point of accuracy; --finetune may regain it"
            )
    if "onnx-int8" in names:
        assert proofs is not None
        figures["onnx-int8"] = int8_line(part, proofs)
        warnings += int8_warnings(part, proofs)
    return proofs, figures, tuple(warnings)


def _write_script(part: Path, name: str) -> None:
    """Copy a script that needs no mgnas into an export."""
    script = resources.files("results.export") / "snippets" / name
    (part / name).write_bytes(script.read_bytes())


def _sample(study: StudyReader, trained: Trained, load_images: SampleLoader | None) -> Sample:
    """Return the validation images to compare with; random ones if they are not available."""
    if load_images is None:
        return random_sample(trained, "no validation images were given")
    try:
        return load_images(study, num_images(trained), trained.image_size)
    except InvalidInputError as error:
        return random_sample(trained, f"the validation images are not available: {error}")


def _plugins_of(study: StudyReader, trial: TrialRecord) -> list[Path]:
    """Load and return the plugins of the network's family; none for a built-in family."""
    if trial.spec.get("family", "mgnet") in {family.name for family in BUILT_IN}:
        return []
    plugins = plugin_files(study.folder, study.header)
    load_plugins(plugins)
    return plugins


def _card(network: ChosenNetwork, source: Source, names: list[str], proofs: Proofs | None) -> str:
    if source.path is None:
        return architecture_card(network, source.plugins)
    figures = figures_of(network, source.trained)
    return model_card(network, source.trained, names, figures, proofs, source.plugins, source.finetuning)


def _source(
    study: StudyReader, trial: TrialRecord, spec: Spec, plugins: list[Path], *, needs_weights: bool
) -> Source:
    """Return the network to export; raise InvalidInputError if required weights are missing or damaged."""
    copies = tuple(plugin.name for plugin in plugins)
    if not needs_weights:
        return Source(spec, plugins=copies)
    path = _weights_of(study, trial)
    source = Source(spec, path, copies)
    again = f"train it again with 'mgnas search {shell_word(study.folder)} --repair', or restore the file"
    try:
        found = source.trained.network_spec()
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
    folder: Path, network: ChosenNetwork, source: Source, names: list[str], proofs: Proofs | None
) -> None:
    """Write export.json: the facts of the network, its input format, the proofs, and the digest of each file."""
    facts = {
        "study": network.search.name,
        **network.trial.point(),
        "trial": network.search_trial,
        "formats": names,
        "plugins": list(source.plugins),
        "requires": {"onnxruntime": ONNXRUNTIME} if "onnx" in names else {},
    }
    if source.path is not None:
        facts["figures"] = asdict(figures_of(network, source.trained))
        facts["preprocessing"] = Preprocessing.of(source.trained).facts()
    if source.finetuning is not None:
        facts["finetuning"] = source.finetuning.facts()
    if proofs is not None:
        facts["proof"] = proofs.facts()
    if "c" in names:
        facts["firmware"] = asdict(read_figures(folder))
    facts["files"] = {name: sha256_of(path) for name, path in files_in(folder).items()}
    (folder / MANIFEST).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
