"""Records a tabular benchmark: trains every network of a small space and stores the learning curves.

``python -m benchmarks.record_table digits8`` trains the missing networks of a table in several processes.
The other tables are ``cifar16 --data CIFAR10.npz`` and ``grey16 --data CIFAR10.npz``. They are defined in
``benchmarks.recordings``. A stopped recording can be resumed.

For your own table, ``python -m benchmarks.record_table STUDY --to TABLE.jsonl`` trains every network of a
study's space on its images by its recipe. STUDY is a study file, a preset or a folder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from benchmarks.expected_accuracy import expected_accuracies, with_expected
from benchmarks.machine import describe_machine
from benchmarks.processes import run_parts
from benchmarks.recordings import RECORDINGS, Recording, recording_of
from search.simulator.tabular_benchmark import TableHeader, TableRow, TabularBenchmark
from space.core.errors import InvalidInputError
from trainers.data.device_data import ResidentData
from trainers.health import TrainingFailedError
from trainers.training import Training

RESULTS = Path(__file__).parent / "results"


def part_file(recording: Recording, part: str) -> Path:
    """Return the output file of one process."""
    folder = RESULTS if recording in RECORDINGS.values() else recording.path.parent
    return folder / f"table_{recording.path.stem}.{part}.jsonl"


def part_files(recording: Recording) -> list[Path]:
    pattern = part_file(recording, "[0-9]*")
    return sorted(pattern.parent.glob(pattern.name))


def read_rows(recording: Recording) -> list[TableRow]:
    """Return the rows of the last gathered table and of the trainings since."""
    gathered = TabularBenchmark.read(recording.path).rows if recording.path.exists() else []
    lines = [line for file in part_files(recording) for line in file.read_text(encoding="utf-8").splitlines()]
    return [*gathered, *(TableRow.model_validate_json(line) for line in lines)]


def record(recording: Recording, file: Path | None, part: int, parts: int) -> None:
    torch.set_num_threads(1)
    data = ResidentData(recording.load(file), torch.device("cpu"))
    done = {(row.arch, row.seed) for row in read_rows(recording)}
    for spec, seed in recording.jobs()[part::parts]:
        if (spec.arch, seed) in done:
            continue
        reports, failure = [], None
        try:
            for report in Training(spec, data, recording.recipe, seed).epochs():
                reports.append(report)
        except TrainingFailedError as error:
            failure = str(error)
        row: dict[str, Any] = {
            "arch": spec.arch,
            "seed": seed,
            "params": spec.params,
            "macs": spec.counts(recording.image_size).macs,
            "val_accuracy": [round(report.val_accuracy, 5) for report in reports],
            "val_loss": [round(report.val_loss, 4) for report in reports],
            "train_loss": [round(report.train_loss, 4) for report in reports],
            "seconds": [round(report.seconds, 3) or 0.001 for report in reports],
            "failure": failure,
        }
        with part_file(recording, str(part)).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row, separators=(",", ":")) + "\n")


def gather(recording: Recording) -> int:
    """Gather the output of the processes in the table, and return its number of rows.

    Raises:
        InvalidInputError: Some trainings are missing. The output of the processes is kept.
    """
    rows = sorted(read_rows(recording), key=lambda row: (row.seed, row.params, row.arch))
    jobs = {(spec.arch, seed) for spec, seed in recording.jobs()}
    if missing := jobs - {(row.arch, row.seed) for row in rows}:
        raise InvalidInputError(
            f"{len(missing)} of {len(jobs)} trainings are missing; record them without --gather first"
        )
    if recording.expects:
        rows = with_expected(rows, expected_accuracies(recording.space(), rows))
    header = TableHeader(
        table=recording.path.stem,
        space=recording.config,
        epochs=recording.recipe.epochs,
        image_size=recording.image_size,
        in_channels=recording.in_channels,
        num_classes=recording.num_classes,
        data=recording.description,
        recipe=recording.recipe.model_dump(mode="json", exclude_defaults=True),
        machine=json.dumps(describe_machine()),
    )
    TabularBenchmark(header, rows).write(recording.path)
    for file in part_files(recording):
        file.unlink()
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", metavar="TABLE|STUDY", help=f"{', '.join(RECORDINGS)}, or a study")
    parser.add_argument("--to", type=Path, help="the file of a table of your own")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each of its networks (default 2)")
    parser.add_argument("--data", type=Path, help="the images, where the table needs a file with them")
    parser.add_argument("--gather", action="store_true", help="train nothing, gather what was trained")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--part", type=int)
    arguments = parser.parse_args()
    if (arguments.to is None) != (arguments.table in RECORDINGS):
        parser.error(
            f"--to goes with a study, and {arguments.table} is {'a' if arguments.to else 'no'} table"
        )
    if arguments.seeds < 1:
        parser.error(f"--seeds must be at least 1, but got {arguments.seeds}")
    own = [] if arguments.to is None else ["--to", str(arguments.to), "--seeds", str(arguments.seeds)]
    try:
        recording = (
            recording_of(arguments.table, arguments.to, arguments.seeds)
            if own
            else RECORDINGS[arguments.table]
        )
    except InvalidInputError as error:
        parser.error(str(error))
    if arguments.part is not None:
        record(recording, arguments.data, arguments.part, arguments.processes)
        return
    if not arguments.gather:
        run_parts("benchmarks.record_table", [arguments.table, *own], arguments.data, arguments.processes)
    print(f"{gather(recording)} trainings of {len(recording.jobs())}")


if __name__ == "__main__":
    main()
