"""The trainings of named networks: statistics over the seeds, and learning curves."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from results.front import accuracy, complete_trials
from results.plots.curve_svg import curve_svg
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.atomic_files import write_atomic
from space.core.text import plural

CURVES = "curves.csv"


def trainings(study: StudyReader) -> list[list[TrialRecord]]:
    """Return the complete trials of each network of the plan, in its order."""
    complete = {(trial.notation, trial.seed): trial for trial in complete_trials(study.records)}
    networks: dict[str, list[TrialRecord]] = {}
    for planned in study.header.plan:
        if planned in complete:
            networks.setdefault(planned.network, []).append(complete[planned])
    return list(networks.values())


def failed_trainings(study: StudyReader) -> list[TrialRecord]:
    """Return the trials of the plan that failed."""
    return [
        trial
        for trial in study.records
        if trial.state == "failed" and (trial.notation, trial.seed) in study.header.plan
    ]


def network_figures(study: StudyReader, trials: Sequence[TrialRecord]) -> dict[str, Any]:
    """Return the statistics of one network over its trainings, as plain data.

    Returns:
        ``notation``, ``arch``, ``params``, ``macs``, ``epochs``; ``train_s``, seconds of all epochs; ``mean``
        and ``deviation`` of the validation accuracies (0 to 1; sample standard deviation, None for one
        training); ``latency``, one entry for each batch size; ``curve``, the path of the chart; ``seeds``, one
        entry for each training.
    """
    first, accuracies = trials[0], [accuracy(trial) for trial in trials]
    return {
        "notation": first.notation,
        "arch": first.arch,
        "params": first.params,
        "macs": first.macs,
        "epochs": first.epochs,
        "train_s": sum(report.seconds for trial in trials for report in study.reports.get(trial.number, ())),
        "mean": statistics.fmean(accuracies),
        "deviation": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "latency": _latency(trials),
        "curve": str(study.folder / curve_name(first)),
        "seeds": [_seed(study, trial) for trial in trials],
    }


def _latency(trials: Sequence[TrialRecord]) -> list[dict[str, float | None]]:
    costs = [trial.network_costs for trial in trials]
    one = {
        "batch_size": 1,
        "median_ms": _lowest(cost.latency_ms for cost in costs),
        "p95_ms": _lowest(cost.latency_p95_ms for cost in costs),
    }
    batch = {
        "batch_size": _lowest(cost.latency_batch for cost in costs),
        "median_ms": _lowest(cost.latency_batch_ms for cost in costs),
        "p95_ms": _lowest(cost.latency_batch_p95_ms for cost in costs),
    }
    return [entry for entry in (one, batch) if entry["median_ms"] is not None]


def _lowest(values: Iterable[float | None]) -> float | None:
    """Return the lowest known value: other processes only increase a latency."""
    return min((value for value in values if value is not None), default=None)


def _seed(study: StudyReader, trial: TrialRecord) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "seed": trial.seed,
        "val_accuracy": trial.val_accuracy,
        "class_accuracies": dict(zip(study.header.data["classes"], trial.class_accuracies, strict=False)),
        "weights": trial.weights,
        "train_s": trial.train_s,
        "network_costs": asdict(trial.network_costs),
        "training_costs": asdict(trial.training_costs) if trial.training_costs else None,
    }


def curve_name(trial: TrialRecord) -> str:
    """Return the file name of the chart of a network's learning curves."""
    return f"curve-{trial.arch}.svg"


def curve_files(study: StudyReader) -> list[str]:
    """Return the names of the files that ``write_curves`` writes."""
    return [CURVES, *(curve_name(trials[0]) for trials in trainings(study))]


def write_curves(study: StudyReader) -> None:
    """Write all epochs of the plan's trainings as CSV, and a chart for each network."""
    found = trainings(study)
    write_atomic(study.folder / CURVES, _csv(study, [trial for trials in found for trial in trials]))
    for trials in found:
        curves = [[report.val_accuracy for report in study.reports[trial.number]] for trial in trials]
        title = f"{trials[0].notation}: validation accuracy"
        data = study.header.data.get("name", "")
        subtitle = f"{data} · {trials[0].params:,} parameters · {plural(len(trials), 'seed')}"
        write_atomic(study.folder / curve_name(trials[0]), curve_svg(title, subtitle, curves))


def _csv(study: StudyReader, trials: Sequence[TrialRecord]) -> str:
    columns = ["trial", "arch", "seed", "epoch", "train_loss", "val_loss", "val_accuracy", "seconds"]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    for trial in trials:
        whose = {"trial": trial.number, "arch": trial.arch, "seed": trial.seed}
        writer.writerows(whose | vars(report) for report in study.reports[trial.number])
    return out.getvalue()
