"""Certifications made by hand: trainings and predictions without a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from results.certification.assemble import Measured, certification_of
from results.certification.certification import Certification
from results.certification.records import Opening
from results.storage.held_out import HeldOutResult
from results.storage.records import TrialRecord
from tests.support.factories import make_header

CLASSES = ("ape", "bee", "cow")
NUM_IMAGES = 60


def make_certification(
    searched: Sequence[TrialRecord],
    spreads: Sequence[float] = (-0.02, 0.0, 0.02),
    origins: dict[str, dict[str, Any]] | None = None,
    num_val: int = 400,
    others: Sequence[TrialRecord] = (),
) -> Certification:
    """Return the certification of trials: each network is trained once for each of ``spreads``.

    Args:
        searched: The trials of the search.
        spreads: The validation accuracy of each training minus that of the search.
        origins: Facts by identity that replace those of a trial of the search.
        num_val: The number of validation images.
        others: Trials of the search that are not certified.
    """
    labels = np.arange(NUM_IMAGES) % len(CLASSES)
    trials, results = [], {}
    for trial in searched:
        for seed, spread in enumerate(spreads):
            assert trial.val_accuracy is not None
            accuracy = trial.val_accuracy + spread
            made = replace(trial, number=len(trials), seed=seed, val_accuracy=accuracy)
            wrong = np.arange(NUM_IMAGES) >= round(accuracy * NUM_IMAGES)
            predicted = np.where(wrong, (labels + 1) % len(CLASSES), labels)
            results[made.number] = HeldOutResult.of(made.number, 0.5, predicted.tolist(), [0.9] * NUM_IMAGES)
            trials.append(made)
    facts = {
        trial.arch: {
            "origin": "front",
            "name": f"trial {trial.number}",
            "search_trial": trial.number,
            "search_accuracy": trial.val_accuracy,
        }
        | (origins or {}).get(trial.arch, {})
        for trial in searched
    }
    measured = Measured(3, trials, results, labels, facts, CLASSES)
    header = make_header(data={"name": "digits", "val": num_val, "classes": list(CLASSES)})
    opening = Opening(0.0, "certification", len(searched), NUM_IMAGES)
    return certification_of(
        Path("runs/digits/certification"), header, [*searched, *others], measured, [opening]
    )
