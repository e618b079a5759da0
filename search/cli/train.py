"""``mgnas train SPEC...``: train named networks and print their figures."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from typing import Any

from results.open import Study
from results.storage.study_files import REPORT
from results.tables import print_json
from results.trainings import CURVES, failed_trainings, network_figures, trainings
from search.study.driver import SearchError
from search.study.named_networks import NamedNetworks, train_named
from search.study.outputs import outputs_are_fresh
from search.study.progress import progress_for
from search.study.resolve import Request
from space.core.atomic_files import shell_word
from space.core.text import duration, figure, plural

FLOP_UNITS = (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3))


def train(networks: NamedNetworks, base: Request, *, as_json: bool) -> None:
    """Train networks and print their figures.

    Raises:
        InvalidInputError: A value is unknown or out of range, the images are unusable, or the folder holds
            another study.
        SearchError: No training has a result, or the trainings cannot continue.
    """
    try:
        results = train_named(networks, base, partial(progress_for, sys.stderr))
    except (KeyboardInterrupt, SystemExit):
        with suppress(BrokenPipeError):
            sys.stderr.write("\nstopped; every finished epoch is kept. Resume with the same command\n")
        raise
    if not results.front_records:
        raise SearchError(f"{results.folder}: {_why_none(results)}")
    _tell(results, as_json)


def _why_none(results: Study) -> str:
    """Return the reason why no training has a result, with the seed of the last failure."""
    if failed := failed_trainings(results):
        return (
            f"no training has a result; the last one failed: {_failure(failed[-1].seed, failed[-1].reason)}"
        )
    return results.why_no_front


def _failure(seed: int, reason: str | None) -> str:
    return f"seed {seed}: {reason or 'no reason recorded'}"


def _tell(results: Study, as_json: bool) -> None:
    """Print the figures of each network on stdout and the failed trainings on stderr."""
    report = str(results.folder / REPORT) if outputs_are_fresh(results.folder, [REPORT]) else None
    found = [network_figures(results, trials) for trials in trainings(results)]
    failed = failed_trainings(results)
    for trial in failed:
        sys.stderr.write(f"trial {trial.number} failed: {_failure(trial.seed, trial.reason)}\n")
    if as_json:
        print_json(
            {
                "folder": str(results.folder),
                "data": results.header.data["name"],
                "complete": results.complete,
                "networks": found,
                "failed": [
                    {"trial": trial.number, "seed": trial.seed, "reason": trial.reason} for trial in failed
                ],
                "report": report,
            }
        )
        return
    lines = [f"study {results.folder} is complete: {results.spent}"]
    for figures in found:
        lines += _lines(results, figures)
    folder = shell_word(results.folder)
    lines += [
        f"curves: {results.folder / CURVES}",
        f"report: {report or 'not written'}",
        f"export: mgnas export {folder}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _lines(results: Study, figures: dict[str, Any]) -> list[str]:
    """Return the printed lines of one network."""
    seeds = figures["seeds"]
    costs = seeds[-1]["training_costs"]
    cost = (
        f"{floating_point(costs['training_pflop'])} each; {duration(figures['train_s'])} of training in all"
    )
    latency = ", ".join(
        f"{figure(entry['median_ms'])} ms{_p95(entry['p95_ms'])} "
        f"for {plural(int(entry['batch_size']), 'image')}"
        for entry in figures["latency"]
    )
    weights = ", ".join(str(results.folder / seed["weights"]) for seed in seeds if seed["weights"])
    return [
        f"{figures['notation']} on {results.header.data['name']}: {plural(len(seeds), 'training')} "
        f"of {plural(figures['epochs'], 'epoch')}, {cost}",
        f"  parameters     {figures['params']:,}, {figures['macs']:,} MACs",
        f"  val. accuracy  {_accuracy(figures)}",
        f"  speed          {_speed(costs)}{' (the last training)' if len(seeds) > 1 else ''}",
        f"  memory         {costs['peak_memory_mib']:,.0f} MiB at most, of a worker",
        f"  latency        {latency or 'not measured: there was no memory for it'}",
        f"  weights        {weights}",
        f"  curve          {figures['curve']}",
    ]


def _accuracy(figures: dict[str, Any]) -> str:
    mean = f"{100 * figures['mean']:.2f} %"
    if figures["deviation"] is None:
        return mean
    accuracies = ", ".join(f"{100 * seed['val_accuracy']:.2f}" for seed in figures["seeds"])
    return f"{mean} +- {100 * figures['deviation']:.2f} (mean and deviation of {accuracies})"


def _speed(costs: dict[str, float | None]) -> str:
    speed = f"{costs['epoch_s']:.3g} s an epoch"
    if costs.get("images_per_s") is not None:
        speed = f"{costs['images_per_s']:,.0f} images/s, {speed}"
    if costs.get("first_step_s") is not None:
        speed += f", first step after {costs['first_step_s']:.2f} s"
    if costs.get("peak_fraction") is not None:
        speed += f", {100 * (costs['peak_fraction'] or 0):.0f} % of the device's matrix products"
    return speed


def _p95(p95_ms: float | None) -> str:
    return "" if p95_ms is None else f" (p95 {figure(p95_ms)})"


def floating_point(pflop: float) -> str:
    """Return floating-point operations, given in units of 10**15, with a readable unit."""
    flop = 1e15 * pflop
    unit, size = next((pair for pair in FLOP_UNITS if flop >= pair[1]), ("FLOP", 1.0))
    return f"{figure(flop / size)} {unit}"
