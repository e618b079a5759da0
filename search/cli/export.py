"""``mgnas export``: export one network of a study."""

from __future__ import annotations

import sys
from pathlib import Path

from results.export.proof import proof_lines
from results.front import accuracy
from results.picks import PICKS
from search.study.opened import open_study
from space.core.errors import InvalidInputError


def export_network(
    folder: str,
    trial: int | None,
    pick: str | None,
    max_params: int | None,
    formats: str | None,
    to: Path | None,
) -> None:
    """Export one trial of the study in ``folder`` and print the files.

    Raises:
        InvalidInputError: Not exactly one of ``trial`` and ``pick`` is given, or there is no such network.
    """
    results = open_study(folder)
    if trial is None and pick is None and results.header.plan:
        pick = "best"
    if (trial is None) == (pick is None):
        raise InvalidInputError(f"say which network: --trial N, or --pick with one of {PICKS}")
    if trial is not None and max_params is not None:
        raise InvalidInputError("--max-params goes with --pick, not with --trial")
    record = results.trial(trial) if trial is not None else results.pick(str(pick), max_params)
    wanted = None if formats is None else [name.strip() for name in formats.split(",") if name.strip()]
    result = results.export(record.number, to, wanted)
    out = sys.stdout
    out.write(f"trial {record.number}: {record.notation}, {record.params:,} parameters, ")
    out.write(f"validation accuracy {100 * accuracy(record):.2f} %\n")
    for file in result.files:
        out.write(f"  {result.folder / file}\n")
    if result.proofs is not None:
        out.write(
            f"compared with the trained network on {result.proofs.num_images:,} {result.proofs.images}:\n"
        )
        for line in proof_lines(result.proofs):
            out.write(f"  {line}\n")
        if result.proofs.note:
            sys.stderr.write(f"the images are random: {result.proofs.note}\n")
    for name in result.gone:
        sys.stderr.write(f"{name} of the earlier export was removed: its format was not requested again\n")
    for name, reason in result.skipped.items():
        sys.stderr.write(f"{name} was left out: {reason}\n")
