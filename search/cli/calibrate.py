"""``mgnas calibrate``: print the calibration of this machine, or measure it again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from results.tables import print_json, print_table
from search.executors.slots import count_cores, count_gpus
from space.core.errors import shown
from trainers.device.calibration_records import Record, calibrations_folder, read_records


def calibrate(folder: Path | None, renew: bool, as_json: bool) -> None:
    """Print the calibrations of the user's cache, or those of a study.

    Args:
        folder: The study's folder; None for the user's cache.
        renew: Measure this machine again first.
        as_json: Print one JSON document.

    Raises:
        InvalidInputError: The study has no calibration, or ``renew`` is set for a study.
        OSError: The cache is not writable.
    """
    place = calibrations_folder() if folder is None else _calibrations_of(folder, renew)
    if renew:
        _renew()
    found = {path.stem: read_records(path) for path in sorted(place.glob("*.json"))}
    if as_json:
        print_json({"folder": str(place), "devices": [_document(*device) for device in found.items()]})
        return
    measured = {device: records for device, records in found.items() if records}
    if not measured:
        sys.stdout.write(f"no calibration in {place} yet: the first training measures, or --renew\n")
    for device, records in measured.items():
        sys.stdout.write(f"{device}\n")
        header = ("measured", "fastest", "ms", "date (UTC)", "load", "others", "rounds", "doubts")
        rows = [_row(key, record) for key, record in records.items()]
        print_table(header, rows, sys.stdout, text_columns=(0, 1, 3, 7))
        sys.stdout.write("\n")


def _calibrations_of(folder: Path, renew: bool) -> Path:
    from space.core.errors import InvalidInputError

    if renew:
        raise InvalidInputError(
            f"{shown(str(folder))} keeps its calibration, so its trainings stay the same; leave out the "
            "folder to renew the calibration of new studies"
        )
    place = folder / "calibration"
    if not place.is_dir():
        raise InvalidInputError(
            f"{shown(str(folder))} has no calibration; name the folder of a study that has begun"
        )
    return place


def _renew() -> None:
    """Measure every GPU; without a GPU, measure the CPU with one thread and with all threads.

    Workers of a search use one thread; ``mgnas train`` uses all threads.
    """
    import torch

    from trainers.device.calibration import Calibration

    sys.stderr.write("calibrating: this takes seconds; let no other program run\n")
    if count_gpus():
        for index in range(torch.cuda.device_count()):
            Calibration(torch.device("cuda", index), None).renew()
        return
    before = torch.get_num_threads()
    try:
        for threads in sorted({1, count_cores()}):
            torch.set_num_threads(threads)
            Calibration(torch.device("cpu"), None).renew()
    finally:
        torch.set_num_threads(before)


def _document(device: str, records: dict[str, Record]) -> dict[str, Any]:
    return {
        "device": device,
        "measurements": [
            {"measured": key, **record.model_dump(mode="json"), "doubts": record.doubts()}
            for key, record in records.items()
        ],
    }


def _row(key: str, record: Record) -> tuple[str, ...]:
    return (
        key.partition(";")[0],
        record.chosen,
        f"{1000 * record.step_s:.3g}",
        f"{record.date:%Y-%m-%d %H:%M}",
        "-" if record.load is None else f"{record.load:.2f}",
        "-" if record.others is None else f"{100 * record.others:.0f} %",
        str(record.rounds),
        "; ".join(record.doubts()) or "none",
    )
