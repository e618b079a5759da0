"""``mgnas train SPEC``: one network trained from several seeds, its curves, speed and weights."""

from __future__ import annotations

import json
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.curve_svg import curve_svg
from results.scales import duration, figure, plural
from results.tables import print_json
from search.config import StudyConfig
from search.launch import Request, resolve
from search.progress import progress_for
from search.slots import check_compiler, check_threads, count_cores, find_slots
from search.train_folder import CURVE_CSV, CURVE_SVG, SUMMARY, TrainFolder
from search.train_run import Trainings, curves_csv, summary, train_network
from space.errors import InvalidInputError, shown
from space.files import write_changed
from space.reading import read_spec
from space.spec import Spec
from trainers.data import SearchData
from trainers.health import TrainingFailedError

if TYPE_CHECKING:
    from trainers.device_data import DeviceData

MOST_SEEDS = 1000
END_OF_SEEDS = 2**63
FLOP_UNITS = (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3))


@dataclass(frozen=True)
class TrainRequest:
    """What stands on the command line besides the configuration."""

    spec: str
    num_seeds: int
    to: Path | None
    as_json: bool


def train(request: TrainRequest, base: Request) -> None:
    """Train as asked, and print what came of it.

    Raises:
        InvalidInputError: a value is unknown or out of range, the data are bad, or the folder holds
            something else.
        TrainingFailedError: a training came to nothing.
    """
    config, _ = resolve(base)
    seeds = _seeds(config.search.seed, request.num_seeds)
    slot = find_slots(config.search.device, 1)[0]
    check_threads(config.execution.threads, [slot])
    check_compiler(config.execution.compile, [slot])
    data = _open(config, slot.device)
    spec = _network(request.spec, data.search_data)
    folder = TrainFolder(request.to or Path("runs") / f"train-{spec.arch}")
    try:
        with folder.locked(), closing(progress_for(sys.stderr, "epochs")) as progress:
            trainings = train_network(spec, config, data, seeds, folder, progress)
            figures = _write_outputs(spec, data.search_data, trainings, folder)
    except (KeyboardInterrupt, SystemExit):
        with suppress(BrokenPipeError):
            sys.stderr.write("\nstopped; every finished epoch is kept. Go on with the same command\n")
        raise
    except TrainingFailedError as error:
        raise TrainingFailedError(f"{error}; {error.advice}" if error.advice else str(error)) from None
    if request.as_json:
        print_json(figures | {"folder": str(folder.path)})
    else:
        _print(figures, trainings, folder.path, slot.device)


def _seeds(first: int, count: int) -> list[int]:
    if not 1 <= count <= MOST_SEEDS:
        raise InvalidInputError(f"--seeds must be from 1 to {MOST_SEEDS}, but got {shown(count)}")
    if first + count > END_OF_SEEDS:
        raise InvalidInputError(
            f"seeds must be below 2**63, but --seed {first} and --seeds {count} lead to {first + count - 1}; "
            "begin with a smaller --seed"
        )
    return [first + index for index in range(count)]


def _write_outputs(spec: Spec, data: SearchData, trainings: Trainings, folder: TrainFolder) -> dict[str, Any]:
    """Write summary and curves, and return the figures of the former."""
    results = trainings.results
    figures = summary(spec, data, results)
    write_changed(folder.path / SUMMARY, json.dumps(figures, indent=2) + "\n")
    write_changed(folder.path / CURVE_CSV, curves_csv(results))
    curves = [[report.val_accuracy for report in result.reports] for result in results]
    subtitle = f"{figures['data']} · {figures['params']:,} parameters · {plural(len(results), 'seed')}"
    picture = curve_svg(f"{spec.notation}: validation accuracy", subtitle, curves)
    write_changed(folder.path / CURVE_SVG, picture)
    return figures


def _open(config: StudyConfig, device: str) -> DeviceData:
    """Return the images, after torch was told how many cores there are."""
    import torch

    from trainers.allocator import keep_freed_memory
    from trainers.open_data import open_data

    keep_freed_memory()
    torch.set_num_threads(count_cores())
    return open_data(config.data, torch.device(device))


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


def _print(figures: dict[str, Any], trainings: Trainings, folder: Path, device: str) -> None:
    results = trainings.results
    accuracies = [f"{100 * result.val_accuracy:.2f}" for result in results]
    mean = f"{100 * figures['mean']:.2f} %"
    if figures["deviation"] is not None:
        mean += f" +- {100 * figures['deviation']:.2f} (mean and deviation of {', '.join(accuracies)})"
    measured = results[-1].measured
    cost = (
        f"{floating_point(measured.training_pflop)} each; {duration(figures['train_s'])} of training in all"
    )
    speed = f"{measured.epoch_s:.3g} s an epoch"
    if measured.images_per_s is not None:
        speed = f"{measured.images_per_s:,.0f} images/s, {speed}"
        speed += f", first step after {measured.first_step_s:.2f} s"
    if measured.ceiling_share is not None:
        speed += f", {100 * measured.ceiling_share:.0f} % of the device's matrix products"
    if len(results) > 1:
        speed += " (the last training)"
    latency = ", ".join(
        f"{figure(entry.median_ms)} ms (p95 {figure(entry.p95_ms)}) for {plural(entry.batch_size, 'image')}"
        for entry in results[-1].latency
    )
    whose = "of the whole process" if device == "cpu" else "of the GPU"
    lines = [
        f"{figures['notation']} on {figures['data']}: {plural(len(results), 'training')} "
        f"of {plural(figures['epochs'], 'epoch')}, {cost}",
        f"  parameters     {figures['params']:,}, {figures['macs']:,} MACs",
        f"  val. accuracy  {mean}",
        f"  speed          {speed}",
        f"  memory         {measured.peak_memory_mib:,.0f} MiB at most, {whose}",
        f"  latency        {latency or 'not measured: there was no memory for it'}",
        f"  weights        {', '.join(str(folder / result.weights) for result in results)}",
        f"  curve          {folder / CURVE_SVG}, {folder / CURVE_CSV}",
    ]
    if not trainings.num_new:
        lines.insert(0, f"{folder} is complete: {plural(len(results), 'training')}, all finished before")
    sys.stdout.write("\n".join(lines) + "\n")


def floating_point(pflop: float) -> str:
    """Return a number of floating-point operations, given in 10**15, in the unit that suits it."""
    flop = 1e15 * pflop
    unit, size = next((pair for pair in FLOP_UNITS if flop >= pair[1]), ("FLOP", 1.0))
    return f"{figure(flop / size)} {unit}"
