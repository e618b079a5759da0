"""The int8 accuracy of the networks on a front, measured after the search and recorded in the ledger."""

from __future__ import annotations

import time
from contextlib import closing

from results.open import Study
from results.storage.ledger import Ledger
from results.storage.records import TrialRecord
from search.executors.images import SizedImages
from search.study.folder import StudyFolder
from search.study.lock import StudyLock
from search.study.progress import Progress
from space.core.errors import InvalidInputError, MgnasError
from space.core.text import plural
from space.firmware.programs import why_no_program
from space.networks.load import load_spec
from trainers.data.config import DataConfig


def not_quantised(study: Study) -> list[TrialRecord]:
    """Return the trials of the front and the references whose int8 accuracy is missing but can be measured.

    They have weights and int8 code. A study with a plan has none of them.
    """
    if study.header.plan:
        return []
    candidates = [*study.front_records, *study.references]
    return [trial for trial in candidates if trial.int8_accuracy is None and _has_code(trial)]


def _has_code(trial: TrialRecord) -> bool:
    if trial.state != "complete" or trial.weights is None:
        return False
    try:
        return why_no_program(load_spec(trial.spec)) is None
    except MgnasError:  # the family of a plugin that is not loaded
        return False


def quantise_front(study: Study, data: DataConfig, progress: Progress, lock: StudyLock | None = None) -> bool:
    """Measure and record the missing int8 accuracies of a study; return whether any was recorded.

    Without the images or the right to write, a note says so, and the study stays as it is.

    Args:
        study: The study.
        data: The place of its images.
        progress: The display of the notes.
        lock: The right to write the study, if the caller holds it.
    """
    trials = not_quantised(study)
    if not trials:
        return False
    began = time.perf_counter()
    try:
        if lock is not None:
            with closing(lock.ledger()) as ledger:
                losses = _measure(study, trials, data, ledger, progress)
        else:
            with StudyFolder(study.folder).locked() as own, closing(own.ledger()) as ledger:
                losses = _measure(study, trials, data, ledger, progress)
    except MgnasError as error:
        progress.note(f"the int8 accuracy of {plural(len(trials), 'network')} is not measured: {error}")
        return False
    if losses:
        progress.note(
            f"int8 accuracy of {plural(len(losses), 'network')} measured in "
            f"{time.perf_counter() - began:.1f} s: {100 * min(losses):+.2f} to {100 * max(losses):+.2f} points"
        )
    return bool(losses)


def _measure(
    study: Study, trials: list[TrialRecord], config: DataConfig, ledger: Ledger, progress: Progress
) -> list[float]:
    """Record the accuracies one by one and return the difference of each from the float network.

    Raises:
        InvalidInputError: The images are missing, or others than those of the study.
    """
    import torch

    from space.modules.weights import load_weights
    from trainers.data.open_data import open_data
    from trainers.health import TrainingFailedError
    from trainers.quantised import evaluate_int8, quantised

    wants_cpu = study.header.config["search"]["device"] == "cpu"
    device = "cuda" if torch.cuda.is_available() and not wants_cpu else "cpu"
    data = open_data(config, torch.device(device))
    images = SizedImages(data, lambda side: open_data(config.sized(side), torch.device(device)))
    if data.search_data.fingerprint() != study.header.data["fingerprint"]:
        raise InvalidInputError(f"{config.source} holds other images than those of the study")
    metric = study.header.config["train"]["metric"]
    found = []
    for trial in trials:
        assert trial.weights is not None
        try:
            _, tensors = load_weights(study.folder / trial.weights)
        except InvalidInputError:  # lost weights have their own note
            continue
        weights = {name: tensor.numpy() for name, tensor in tensors.items()}
        try:
            sized = images.of(trial.image_side)
            network = quantised(load_spec(trial.spec), weights, sized)
        except TrainingFailedError as error:
            progress.note(f"trial {trial.number}: {error}")
            continue
        accuracy = getattr(evaluate_int8(network, sized), metric)
        ledger.write_int8_accuracy(trial.number, accuracy, ledger.clock_s())
        found.append(accuracy - (trial.last_accuracy or 0.0))
    return found
