"""``mgnas train SPEC...``: named networks trained from several seeds, as a study with a plan."""

from __future__ import annotations

import hashlib
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.plots.axes import duration, figure, plural
from results.study import REPORT, StudyResults
from results.tables import print_json
from results.trainings import CURVES, failed_trainings, network_figures, trainings
from search.cli.search import Request, resolve
from search.study.driver import SearchError
from search.study.outputs import outputs_are_fresh
from search.study.plan import plan_config
from search.study.progress import progress_for, said_if_long
from search.study.run import run_study
from space.core.atomic_files import shell_word
from space.core.errors import InvalidInputError, shown
from space.networks.load import read_spec
from space.networks.spec import Spec
from trainers.data.splits import SearchData, load_search_data
from trainers.device.allocator import keep_freed_memory

MOST_SEEDS = 1000
END_OF_SEEDS = 2**63
FLOP_UNITS = (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3))


@dataclass(frozen=True)
class TrainRequest:
    """What stands on the command line besides the configuration."""

    specs: list[str]
    num_seeds: int
    output: Path | None
    plugins: list[Path]
    as_json: bool


def train(request: TrainRequest, base: Request) -> None:
    """Train as asked, and print what came of it.

    Raises:
        InvalidInputError: a value is unknown or out of range, the data are bad, or the folder holds
            something else.
        SearchError: no training has a result, or none can go on.
    """
    config, _ = resolve(base)
    seeds = _seeds(config.search.seed, request.num_seeds)
    keep_freed_memory()
    with closing(progress_for(sys.stderr)) as loading, said_if_long(loading, f"loading {config.data.source}"):
        images = [load_search_data(config.data)]
    specs = [_network(text, images[0]) for text in request.specs]
    name = f"train-{specs[0].arch if len(specs) == 1 else _digest(specs)}"
    config = plan_config(config, name, [spec.notation for spec in specs], seeds, request.plugins)
    folder = request.output or Path("runs") / name
    try:
        with closing(progress_for(sys.stderr, "trainings")) as progress:
            # popped: the workers have images of their own, and need the memory
            results = run_study(config, folder, progress, images.pop, repair=True)
    except (KeyboardInterrupt, SystemExit):
        with suppress(BrokenPipeError):
            sys.stderr.write("\nstopped; every finished epoch is kept. Go on with the same command\n")
        raise
    if not results.front_records:
        raise SearchError(f"{folder}: {_why_none(results)}")
    _tell(results, request.as_json)


def _seeds(first: int, count: int) -> list[int]:
    if not 1 <= count <= MOST_SEEDS:
        raise InvalidInputError(f"--seeds must be from 1 to {MOST_SEEDS}, but got {shown(count)}")
    if first + count > END_OF_SEEDS:
        raise InvalidInputError(
            f"seeds must be below 2**63, but --seed {first} and --seeds {count} lead to {first + count - 1}; "
            "begin with a smaller --seed"
        )
    return [first + index for index in range(count)]


def _network(text: str, data: SearchData) -> Spec:
    """Return the network that ``text`` names, for these images."""
    spec = read_spec(text, in_channels=data.in_channels, num_classes=data.num_classes)
    for what, own, needed in (
        ("channels", spec.in_channels, data.in_channels),
        ("classes", spec.num_classes, data.num_classes),
    ):
        if own != needed:
            raise InvalidInputError(f"{text} is for {own} {what}, but {data.name} has {needed}")
    return spec.canonical()


def _digest(specs: list[Spec]) -> str:
    return hashlib.sha256(" ".join(sorted(spec.arch for spec in specs)).encode()).hexdigest()[:12]


def _why_none(results: StudyResults) -> str:
    """Return why no training has a result, with the seed of the last one that failed."""
    if failed := failed_trainings(results):
        return (
            f"no training has a result; the last one failed: {_failure(failed[-1].seed, failed[-1].reason)}"
        )
    return results.why_no_front


def _failure(seed: int, reason: str | None) -> str:
    return f"seed {seed}: {reason or 'no reason recorded'}"


def _tell(results: StudyResults, as_json: bool) -> None:
    """Print the figures of each network, and the trainings that failed on stderr."""
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


def _lines(results: StudyResults, figures: dict[str, Any]) -> list[str]:
    """Return what is printed of one network."""
    seeds = figures["seeds"]
    measured = seeds[-1]["measured"]
    cost = (
        f"{floating_point(measured['training_pflop'])} each; "
        f"{duration(figures['train_s'])} of training in all"
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
        f"  speed          {_speed(measured)}{' (the last training)' if len(seeds) > 1 else ''}",
        f"  memory         {measured['peak_memory_mib']:,.0f} MiB at most, of a worker",
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


def _speed(measured: dict[str, float | None]) -> str:
    speed = f"{measured['epoch_s']:.3g} s an epoch"
    if measured.get("images_per_s") is not None:
        speed = f"{measured['images_per_s']:,.0f} images/s, {speed}"
    if measured.get("first_step_s") is not None:
        speed += f", first step after {measured['first_step_s']:.2f} s"
    if measured.get("ceiling_share") is not None:
        speed += f", {100 * (measured['ceiling_share'] or 0):.0f} % of the device's matrix products"
    return speed


def _p95(p95_ms: float | None) -> str:
    return "" if p95_ms is None else f" (p95 {figure(p95_ms)})"


def floating_point(pflop: float) -> str:
    """Return a number of floating-point operations, given in 10**15, in the unit that suits it."""
    flop = 1e15 * pflop
    unit, size = next((pair for pair in FLOP_UNITS if flop >= pair[1]), ("FLOP", 1.0))
    return f"{figure(flop / size)} {unit}"
