"""The model card of an exported network: facts, accuracy, training and use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from results.chosen import ChosenNetwork
from results.export.card_metadata import metadata_block
from results.export.card_use import use
from results.export.figures import Figures
from results.export.finetuning import Finetuning
from results.export.onnx_file import ONNXRUNTIME, OPSET
from results.export.onnx_int8 import INT8_FILE
from results.export.preprocessing import RESIZE
from results.export.proof import Proofs
from results.export.web.page import WEB_FILE
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.text import plural

if TYPE_CHECKING:
    from space.networks.weights_file import Trained

_FILES = {
    "spec": "`spec.json`: the architecture; `mgnas describe spec.json` shows its layers.",
    "safetensors": "`model.safetensors`: the weights, for mgnas and `model.py`.",
    "onnx": f"`model.onnx`: the whole network (opset {OPSET}) for ONNX Runtime >= {ONNXRUNTIME} and others.",
    "onnx-int8": f"`{INT8_FILE}`: the same with 8-bit weights and activations, other logits and equal use.",
    "web": f"`{WEB_FILE}`: a page that classifies pictures in a browser; no server is needed.",
    "c": "`firmware/net.c`: int8 C99 code for microcontrollers; `firmware/README.md` has its figures and its use.",
    "pt2": "`model.pt2`: the whole network for `torch.export.load`; mgnas is not needed.",
    "python": "`model.py`: the network in plain PyTorch; it reads `model.safetensors`.",
    "hub": "`config.json`: the network and its input format. The folder is a model repository of the Hugging Face hub.",
}


def model_card(
    network: ChosenNetwork,
    trained: Trained,
    formats: Sequence[str],
    figures: Figures,
    proofs: Proofs | None = None,
    plugins: Sequence[str] = (),
    finetuning: Finetuning | None = None,
) -> str:
    """Return the model card as Markdown, with the metadata of the Hugging Face hub.

    Args:
        network: The network.
        trained: The metadata of its weights.
        formats: The formats of the export.
        figures: The accuracy to state.
        proofs: The comparison of the formats with the trained network.
        plugins: The exported Python files that register the network's family.
        finetuning: The fine-tuning that gave the weights; None for those of the training.
    """
    spec = trained.network_spec()
    parts = [
        f"{metadata_block(trained, figures, formats)}\n# {_code(spec.notation)}",
        _origin(network),
        _facts(network, trained, figures),
        "## Input and output",
        _interface(trained, spec.in_channels),
        f"The {len(trained.classes)} classes, in the order of the logits:",
        f"```json\n{json.dumps(trained.classes, ensure_ascii=False)}\n```",
        "## Accuracy",
        figures.text(),
        *([] if finetuning is None else [_finetuned(network, finetuning)]),
        *([] if proofs is None else ["## Proof", _proof_table(proofs)]),
        "## Training",
        _training(network.study, network.trial, trained),
        "## Use",
        *use(trained, formats, plugins),
        "## Files",
        _file_list(formats, plugins),
        "## Licence",
        "Not stated. If you share this network, choose its licence; the terms of the training images apply.",
    ]
    return "\n\n".join(parts) + "\n"


def architecture_card(network: ChosenNetwork, plugins: Sequence[str] = ()) -> str:
    """Return the model card of an export without weights, as Markdown."""
    trial = network.trial
    rows = {
        "Architecture": f"{_code(trial.notation)}, identity {_code(trial.arch)}",
        "Parameters": f"{trial.params:,}",
        "MACs of an image": f"{trial.macs:,}",
        **_further_costs(network),
    }
    parts = [
        f"# {_code(trial.notation)}",
        _origin(network),
        _table("Fact", "Value", rows),
        "This folder contains the architecture without trained weights.",
        "## Files",
        _file_list(["spec"], plugins),
    ]
    return "\n\n".join(parts) + "\n"


def _file_list(formats: Sequence[str], plugins: Sequence[str]) -> str:
    lines = [f"- {_FILES[name]}" for name in formats]
    lines += [
        f"- {_code(name)}: the network's family; mgnas runs it to load the weights." for name in plugins
    ]
    return "\n".join(lines)


def _facts(network: ChosenNetwork, trained: Trained, figures: Figures) -> str:
    spec = trained.network_spec()
    height, width = trained.image_size
    data = network.study.header.data
    fingerprint = f" (fingerprint {data['fingerprint']})" if "fingerprint" in data else ""
    rows = {
        "Architecture": f"{_code(spec.notation)}, identity {_code(spec.arch)}",
        "Parameters": f"{spec.params:,}",
        "MACs of an image": f"{spec.macs(trained.image_size):,} at {height} x {width}",
        **_further_costs(network),
        f"{figures.split.capitalize()} accuracy{figures.of_seeds}": f"{100 * figures.accuracy:.2f} %",
        **_int8_accuracy(network, trained),
        "Data": f"{_code(trained.data)}{fingerprint}",
        "Trained": f"{_epochs(trained)}, seed {trained.seed}",
    }
    return _table("Fact", "Value", rows)


def _finetuned(network: ChosenNetwork, finetuning: Finetuning) -> str:
    """Return the figures of a fine-tuning, and which other figures are not those of its weights."""
    text = f"Fine-tuning: {finetuning.text}"
    if finetuning.epoch and network.certified is not None:
        text += " The certified figures above are those of the weights before it."
    return text


def _int8_accuracy(network: ChosenNetwork, trained: Trained) -> dict[str, str]:
    """Return the accuracy of the network as int8 code beside that of its float weights, if it is known."""
    trial = network.trial
    if trial.int8_accuracy is None or trial.last_accuracy is None or trained.finetuned:
        return {}
    text = f"{100 * trial.int8_accuracy:.2f} % (float {100 * trial.last_accuracy:.2f} %)"
    return {"Validation accuracy as int8 code": text}


def _further_costs(network: ChosenNetwork) -> dict[str, str]:
    """Return the costs of the network besides parameters and MACs, by title."""
    costs = network.search.objectives.shown[2:]
    return {cost.title.capitalize(): f"{cost.text(cost.of(network.trial))} {cost.unit}" for cost in costs}


def _interface(trained: Trained, channels: int) -> str:
    height, width = trained.image_size
    kind = {1: ", grey", 3: ", RGB"}.get(channels, "")
    return (
        f"Input `images`: float32, N x {channels} x {height} x {width} (N C H W{kind}), pixels from 0 to 1. "
        f"Output `logits`: float32, N x {len(trained.classes)}. "
        f"Image files: {RESIZE}. Arrays with pixels from 0 to 255 are divided by 255. "
        "The model includes the normalisation, so do not normalise the images: it subtracts the "
        f"mean {_numbers(trained.mean)} and divides by the standard deviation {_numbers(trained.std)} of "
        "each channel."
    )


def _origin(network: ChosenNetwork) -> str:
    """Return where the network comes from, and which training gave its weights."""
    study, number = _code(network.search.name), network.search_trial
    where = f"the study {study}" if number is None else f"trial {number} of the study {study}"
    certified = network.certified
    reference = network.trial.reference
    if certified is not None and certified.origin == "reference":
        reference = certified.name
    if reference is not None:
        text = f"The reference {_code(reference)}, trained by mgnas for comparison: {where}."
    elif number is None:
        text = f"An image classifier that mgnas trained for comparison or at the wish of a user: {where}."
    else:
        text = f"An image classifier that mgnas found: {where}."
    if certified is None:
        return text
    return (
        f"{text} The certification of the study trained it again from {plural(certified.test.count, 'seed')}."
    )


def _proof_table(proofs: Proofs) -> str:
    """Return the comparison of each format with the trained network, as Markdown."""
    head = (
        f"Each format was loaded in a fresh process and compared with the trained network in PyTorch on "
        f"{proofs.num_images:,} {proofs.images}."
    )
    if proofs.note:
        head += f" {proofs.note[0].upper()}{proofs.note[1:]}."
    if proofs.accuracy is not None:
        head += f" The trained network classifies {100 * proofs.accuracy:.2f} % of them correctly."
    lines = [
        "| Format | Largest difference of logits | Equal classes | Accuracy | Latency of an image | Runtime |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, proof in proofs.formats.items():
        accuracy = "" if proof.accuracy is None else f"{100 * proof.accuracy:.2f} %"
        lines.append(
            f"| {name} | {proof.max_difference:.1e} | {100 * proof.agreement:.2f} % | {accuracy} | "
            f"{proof.latency_ms:.2g} ms (median of {proof.latency_runs}, one core) | {proof.runtime} |"
        )
    return head + "\n\n" + "\n".join(lines)


def _training(study: StudyReader, trial: TrialRecord, trained: Trained) -> str:
    text = f"{_epochs(trained)} on the training split of {_code(trained.data)} with seed {trained.seed}."
    recipe = study.header.config.get("train")
    if not isinstance(recipe, dict) or not recipe:
        return text
    rows = {str(key): _code(json.dumps(value)) for key, value in (recipe | trial.training).items()}
    chosen = [key for key in trial.training if f"train.{key}" in trial.hyperparameters]
    also = f" ({', '.join(chosen)} chosen by the search)" if chosen else ""
    return f"{text} The study's recipe{also}:\n\n{_table('Setting', 'Value', rows)}"


def _epochs(trained: Trained) -> str:
    finetuned = f" and {plural(trained.finetuned, 'epoch')} of fine-tuning" if trained.finetuned else ""
    return plural(trained.epochs, "epoch") + finetuned


def _table(left: str, right: str, rows: dict[str, Any]) -> str:
    lines = [
        f"| {left} | {right} |",
        "| --- | --- |",
        *(f"| {key} | {value} |" for key, value in rows.items()),
    ]
    return "\n".join(lines)


def _code(text: str) -> str:
    """Return ``text`` as inline code, safe inside a table."""
    plain = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`"


def _numbers(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
