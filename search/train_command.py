"""``mgnas train SPEC``: one network trained from several seeds, its curves, speed and weights."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.curve_svg import curve_svg
from results.scales import duration
from results.tables import print_json
from search.config import StudyConfig
from search.launch import Request, resolve
from search.progress import progress_for
from search.slots import count_cores, find_slots
from search.train_run import SUMMARY, TrainFolder, curves_csv, summary, train_network
from space.errors import InvalidInputError, shown
from space.files import write_atomic
from space.reading import read_spec
from space.spec import Spec
from trainers.data import SearchData

if TYPE_CHECKING:
    from trainers.device_data import DeviceData

MOST_SEEDS = 1000


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
    if not 1 <= request.num_seeds <= MOST_SEEDS:
        raise InvalidInputError(f"--seeds must be from 1 to {MOST_SEEDS}, but got {shown(request.num_seeds)}")
    config, _ = resolve(base)
    slot = find_slots(config.search.device, 1)[0]
    data = _open(config, slot.device)
    spec = _network(request.spec, data.search_data)
    folder = TrainFolder(request.to or Path("runs") / f"train-{spec.arch}")
    seeds = [config.search.seed + index for index in range(request.num_seeds)]
    try:
        with folder.locked(), closing(progress_for(sys.stderr, "epochs")) as progress:
            folder.claim(spec, config)
            results = train_network(spec, config, data, seeds, folder, progress)
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; every finished epoch is kept. Go on with the same command\n")
        raise
    figures = summary(spec, data.search_data, results)
    write_atomic(folder.path / SUMMARY, json.dumps(figures, indent=2) + "\n")
    write_atomic(folder.path / "curve.csv", curves_csv(results))
    curves = [[report["val_accuracy"] for report in result["reports"]] for result in results]
    subtitle = f"{figures['data']} · {figures['params']:,} parameters · {count(len(seeds), 'seed')}"
    write_atomic(
        folder.path / "curve.svg", curve_svg(f"{spec.notation}: validation accuracy", subtitle, curves)
    )
    if request.as_json:
        print_json(figures | {"folder": str(folder.path)})
    else:
        _print(figures, results, folder.path)


def _open(config: StudyConfig, device: str) -> DeviceData:
    """Return the images, after torch was told how many cores there are."""
    import torch

    from trainers.memory import keep_freed_memory
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


def _print(figures: dict[str, Any], results: list[dict[str, Any]], folder: Path) -> None:
    accuracies = [f"{100 * result['val_accuracy']:.2f}" for result in results]
    mean = f"{100 * figures['mean']:.2f} %"
    if figures["deviation"] is not None:
        mean += f" +- {100 * figures['deviation']:.2f} (mean and deviation of {', '.join(accuracies)})"
    measured = results[-1]["measured"]
    cost = f"{measured['training_pflop']:.3g} PFLOP each, {duration(figures['train_s'])} in all"
    speed = f"{measured['epoch_s']:.3g} s an epoch"
    if measured["images_per_s"] is not None:
        speed = f"{measured['images_per_s']:,.0f} images/s, {speed}"
        speed += f", first step after {measured['first_step_s']:.2f} s"
    if measured["ceiling_share"] is not None:
        speed += f", {100 * measured['ceiling_share']:.0f} % of the device's matrix products"
    latency = ", ".join(
        f"{entry['median_ms']:.3g} ms (p95 {entry['p95_ms']:.3g}) for {count(entry['batch_size'], 'image')}"
        for entry in results[-1]["latency"]
    )
    lines = [
        f"{figures['notation']} on {figures['data']}: {count(len(results), 'training')} "
        f"of {count(figures['epochs'], 'epoch')}, {cost}",
        f"  parameters     {figures['params']:,}, {figures['macs']:,} MACs",
        f"  val. accuracy  {mean}",
        f"  speed          {speed}",
        f"  memory         {measured['peak_memory_mib']:,.0f} MiB at most",
        f"  latency        {latency}",
        f"  weights        {', '.join(str(folder / result['weights']) for result in results)}",
        f"  curve          {folder / 'curve.svg'}, {folder / 'curve.csv'}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def count(number: int, what: str) -> str:
    """Return a number with what it counts: 1 seed, 3 seeds."""
    return f"{number:,} {what}{'s' * (number != 1)}"
