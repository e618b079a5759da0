"""A certification as plain data, for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from results.certification.certification import Certification
from results.certification.records import CertifiedNetwork
from results.storage.objectives import PARAMS, Objectives
from results.study import StudyReader


def front_document(study: StudyReader) -> dict[str, Any]:
    """Return the document that ``mgnas front --json`` prints; ``figures`` says which figures are the best known.

    With a certification, ``certification`` holds its document.
    """
    certification = study.certification
    if certification is None:
        return study.summary() | {"figures": "search"}
    found = summary(certification, study.objectives)
    return study.summary() | {"figures": "certified", "certification": found}


def summary(certification: Certification, objectives: Objectives = PARAMS) -> dict[str, Any]:
    """Return the document that ``mgnas certify --json`` prints.

    Args:
        certification: The certification.
        objectives: The costs of the study.
    """
    low, high = certification.hypervolume_range
    return {
        "figures": "certified",
        "folder": str(certification.folder),
        "epochs": certification.epochs,
        "seeds": certification.seeds,
        "teacher": certification.teacher,
        "test_images": certification.num_images,
        "classes": list(certification.classes),
        "openings": [asdict(opening) for opening in certification.openings],
        "hypervolume": certification.hypervolume,
        "hypervolume_pessimistic": low,
        "hypervolume_optimistic": high,
        "search_hypervolume": certification.search_hypervolume,
        "survived": [network.arch for network in certification.survived],
        "lost": [network.arch for network in certification.lost],
        "mean_gap": certification.mean_gap,
        "networks": [network_summary(network, objectives) for network in certification.networks],
        "comparisons": [
            {
                "arch": one.network.arch,
                "name": one.network.name,
                "dominated_by": None if one.by is None else one.by.arch,
                "probability": one.probability,
                "any_probability": one.any_probability,
                "difference": one.difference,
                "interval": None if one.interval is None else list(one.interval),
            }
            for one in certification.dominated
        ],
    }


def network_summary(network: CertifiedNetwork, objectives: Objectives = PARAMS) -> dict[str, Any]:
    """Return the certified figures of one network as plain data."""
    first = network.trainings[0]
    further = [name for name in objectives.columns if name not in ("params", "macs")]
    return {
        "arch": network.arch,
        "notation": network.notation,
        "origin": network.origin,
        "name": network.name,
        "params": first.params,
        "macs": first.macs,
        **{name: first.cost(name) for name in further},
        "search_trial": network.search_trial,
        "search_accuracy": network.search_accuracy,
        "gap": network.gap,
        "on_front": network.on_front,
        "front_probability": network.front_probability,
        "validation": asdict(network.val),
        "test": asdict(network.test),
        "trials": [trial.number for trial in network.trainings],
        "training_seeds": [trial.seed for trial in network.trainings],
        "test_accuracies": list(network.test_accuracies),
        "class_accuracies": list(network.class_accuracies),
        "confusion": [list(row) for row in network.confusion],
        "calibration_error": network.calibration_error,
    }
