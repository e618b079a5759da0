"""Records made by hand, for tests that need no training."""

from __future__ import annotations

from typing import Any

from results.storage.records import NetworkCosts, StudyHeader, TrialRecord
from space.core.reports import TrainingCosts
from space.notation.parse import parse_notation

SPEC = parse_notation("MgNet[1,1]-4-B^l", in_channels=1)


def make_trial(number: int, **fields: Any) -> TrialRecord:
    """Return a complete trial; costs of the network and ``energy_j`` may be given as fields."""
    costs = {name: fields.pop(name) for name in vars(NetworkCosts()) if name in fields}
    if "energy_j" in fields:
        fields["training_costs"] = make_training_costs(energy_j=fields.pop("energy_j"))
    values: dict[str, Any] = {
        "arch": f"{number:012x}",
        "notation": SPEC.notation,
        "spec": SPEC.to_dict(),
        "hyperparameters": {"nu_1": 1},
        "params": 1000 + number,
        "macs": 10 * (1000 + number),
        "seed": number,
        "max_epochs": 3,
        "state": "complete",
        "epochs": 3,
        "val_accuracy": 0.9,
        "finished_s": float(number + 1),
        "network_costs": NetworkCosts(**costs),
    }
    return TrialRecord(number=number, **(values | fields))


def make_training_costs(**fields: Any) -> TrainingCosts:
    values: dict[str, Any] = {
        "images_per_s": 100.0,
        "epoch_s": 1.0,
        "first_step_s": 0.5,
        "peak_memory_mib": 256.0,
        "macs_per_s": 1e9,
        "training_pflop": 0.01,
        "peak_fraction": None,
        "energy_j": None,
        "micro_batch": None,
    }
    return TrainingCosts(**(values | fields))


def make_header(**fields: Any) -> StudyHeader:
    values: dict[str, Any] = {
        "name": "test",
        "config": {},
        "space_hash": "0" * 12,
        "data": {"name": "digits"},
        "params_range": (100, 10_000),
        "trials": 10,
    }
    return StudyHeader(**(values | fields))
