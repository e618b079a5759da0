"""Fine-tuning of a trial's network for its int8 code, on the study's images and with its recipe."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from results.export.finetuning import Finetuning
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.errors import InvalidInputError, shortened
from space.firmware.programs import why_no_program
from space.networks.load import load_spec
from trainers.data.config import DataConfig
from trainers.recipe import Recipe


def finetune_trial(study: StudyReader, trial: TrialRecord, to: Path) -> Finetuning:
    """Fine-tune the network of a trial and write its weights to ``to``.

    Args:
        study: The study with the trial.
        trial: A complete trial with weights.
        to: The file.

    Raises:
        InvalidInputError: The network has no int8 code, or the images are missing or others than the study's.
        OSError: The file cannot be written.
    """
    import torch

    from space.modules.weights import load_weights, save_weights
    from trainers.data.open_data import open_data
    from trainers.finetuning import finetune, network_with

    spec = load_spec(trial.spec)
    if reason := why_no_program(spec):
        raise InvalidInputError(
            f"--finetune needs int8 code, but {shortened(spec.notation)} has none: {reason}"
        )
    config = DataConfig.model_validate(study.header.config.get("data", {}))
    began = time.perf_counter()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = open_data(config, device)
    if study.header.data.get("fingerprint") != data.search_data.fingerprint():
        raise InvalidInputError(f"{config.source} holds other images than those of the study")
    if trial.image_side is not None:
        data = open_data(config.sized(trial.image_side), device)
    recipe = Recipe.model_validate(study.header.config["train"]).replaced(trial.training)
    assert trial.weights is not None
    trained, tensors = load_weights(study.folder / trial.weights)
    weights = {name: tensor.numpy() for name, tensor in tensors.items()}
    found = finetune(spec, weights, data, recipe, trial.seed, tell=_tell)
    if found.epoch:
        facts = {"finetuned": found.epoch, "val_accuracy": found.float_accuracy}
        trained = trained.model_copy(update=facts)
    save_weights(to, network_with(spec, found.weights), trained)
    return Finetuning(
        found.epoch,
        found.epochs,
        found.int8_before,
        found.int8_accuracy,
        found.float_before,
        found.float_accuracy,
        time.perf_counter() - began,
    )


def _tell(text: str) -> None:
    sys.stderr.write(f"fine-tuning: {text}\n")
    sys.stderr.flush()
