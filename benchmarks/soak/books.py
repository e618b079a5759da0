"""What must hold in the folder of a complete study, whatever happened during its search."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from results.open import Study, open_study
from results.storage import schema
from results.storage.reading import reading_ledger

STEM = re.compile(r"([0-9a-f]{12}-s\d+)\.(safetensors|checkpoint|checkpoint\.previous)")


def wrong_books(folder: Path, trials: int) -> list[str]:
    """Return what is wrong in a complete study, one line each; empty if the books balance.

    Args:
        folder: The folder of the study.
        trials: The number of trials that the search was asked for.
    """
    study = open_study(folder)
    return [
        *_wrong_trials(study, trials),
        *_wrong_epochs(study),
        *_wrong_events(study),
        *_wrong_files(study),
        *_wrong_logs(folder),
        *_wrong_decisions(folder),
    ]


def ended_trials(folder: Path) -> Counter[str]:
    """Return the number of trials by state, from one query."""
    query = sa.select(schema.trials.c.state, sa.func.count()).group_by(schema.trials.c.state)
    with reading_ledger(folder) as ledger:
        query = query.where(schema.trials.c.study == ledger.study)
        rows = ledger.database.read(lambda one: one.execute(query).all())
    return Counter({str(state): int(num) for state, num in rows})


def unneeded_files(folder: Path) -> list[str]:
    """Return the files in ``checkpoints`` that no unfinished trial and no network of the front needs."""
    names = [file.name for file in (folder / "checkpoints").glob("*")]  # before the states, which change
    columns = schema.trials.c
    query = sa.select(columns.arch, columns.seed, columns.state, columns.weights)
    with reading_ledger(folder) as ledger:
        query = query.where(columns.study == ledger.study)
        rows = ledger.database.read(lambda one: one.execute(query).all())
    unfinished = {f"{one.arch}-s{one.seed}" for one in rows if one.state in ("running", "paused")}
    kept = {Path(one.weights).name for one in rows if one.weights is not None}
    return [name for name in names if name not in kept and _stem(name) not in unfinished]


def _stem(name: str) -> str | None:
    found = STEM.fullmatch(name)
    return found[1] if found else None


def _wrong_trials(study: Study, trials: int) -> Iterator[str]:
    numbers = [record.number for record in study.records]
    if numbers != list(range(trials)):
        yield f"the ledger holds {len(numbers)} trials, asked for were {trials}"
    if repeated := [arch for arch, num in Counter(one.arch for one in study.records).items() if num > 1]:
        yield f"{len(repeated)} networks were trained twice"
    for record in study.records:
        if not record.has_ended:
            yield f"trial {record.number} is {record.state}"
        elif record.state == "complete" and record.epochs != record.max_epochs:
            yield f"trial {record.number} is complete with {record.epochs} of {record.max_epochs} epochs"


def _wrong_epochs(study: Study) -> Iterator[str]:
    for record in study.records:
        epochs = [report.epoch for report in study.reports.get(record.number, [])]
        if epochs != list(range(1, record.epochs + 1)):
            yield f"trial {record.number} has {record.epochs} epochs, recorded are {epochs}"
    if others := study.reports.keys() - {record.number for record in study.records}:
        yield f"there are epochs of unknown trials {sorted(others)}"


def _wrong_events(study: Study) -> Iterator[str]:
    with reading_ledger(study.folder) as ledger:
        kinds = Counter((event.kind, event.trial) for event in ledger.timeline())
    for record in study.records:
        for kind, num in (("start", 1), ("finish", int(record.state == "complete"))):
            if kinds[kind, record.number] != num:
                yield f"trial {record.number} ({record.state}) has {kinds[kind, record.number]} {kind} events"


def _wrong_files(study: Study) -> Iterator[str]:
    front = {str(record.weights) for record in study.front_records}
    found = {f"checkpoints/{file.name}" for file in (study.folder / "checkpoints").glob("*")}
    if missing := front - found:
        yield f"{len(missing)} weights of the front are missing: {sorted(missing)[0]}"
    if others := found - front:
        yield f"{len(others)} files in checkpoints are not needed: {sorted(others)[0]}"
    if parts := list(study.folder.rglob("*.part")):
        yield f"{len(parts)} partial files are left: {parts[0]}"


def _wrong_logs(folder: Path) -> Iterator[str]:
    for log in sorted(folder.glob("logs/*")):
        if "Traceback" in log.read_text("utf-8", errors="replace"):
            yield f"{log} holds a traceback"


def _wrong_decisions(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-P", "-m", "mgnas", "verify", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"mgnas verify: {(done.stderr or done.stdout).strip()}"
