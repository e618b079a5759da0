"""``mgnas export``: export one network of a study."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from results.chosen import ChosenNetwork, certified_line, uncertified
from results.export.folder import ExportResult
from results.export.proof import proof_lines
from results.front import accuracy
from results.open import Study
from results.picks import PICKS, RECOMMENDED
from search.study.opened import open_study
from space.core.atomic_files import shell_word
from space.core.errors import InvalidInputError


@dataclass(frozen=True)
class Wanted:
    """The network that a user asks for; without a name, trial or pick, the recommended one.

    Attributes:
        trial: The number of a trial.
        network: A certified network by its name, notation or identity.
        pick: A rule or a goal.
        max_params: With a pick, the largest number of parameters.
        searched: Whether to take figures and weights of the search although there is a certification.
    """

    trial: int | None = None
    network: str | None = None
    pick: str | None = None
    max_params: int | None = None
    searched: bool = False


def export_network(
    folder: str, wanted: Wanted, formats: str | None, to: Path | None, *, finetune: bool = False
) -> None:
    """Export one network of the study in ``folder`` and print its figures and the files.

    Raises:
        InvalidInputError: Options exclude each other, or there is no such network.
    """
    study = open_study(folder)
    chosen = _chosen(study, wanted)
    names = None if formats is None else [name.strip() for name in formats.split(",") if name.strip()]
    result = study.export(chosen, to, names, finetune=finetune)
    _print_network(study, chosen, wanted, sys.stdout)
    _print_result(result, sys.stdout)


def _chosen(study: Study, wanted: Wanted) -> ChosenNetwork:
    given = {"--trial": wanted.trial, "--network": wanted.network, "--pick": wanted.pick}
    named = [option for option, value in given.items() if value is not None]
    if len(named) > 1:
        raise InvalidInputError(f"{' and '.join(named)} exclude each other; --pick takes one of {PICKS}")
    if wanted.max_params is not None and named not in ([], ["--pick"]):
        raise InvalidInputError(f"--max-params goes with --pick, not with {named[0]}")
    if wanted.network is not None:
        if wanted.searched:
            raise InvalidInputError("--searched goes with --trial or --pick, not with --network")
        return study.network(wanted.network)
    if wanted.trial is not None:
        return study.network(wanted.trial, searched=wanted.searched)
    how = wanted.pick or ("best" if study.header.plan else RECOMMENDED)
    return study.pick(how, wanted.max_params, searched=wanted.searched)


def _print_network(study: Study, chosen: ChosenNetwork, wanted: Wanted, out: TextIO) -> None:
    """Print the network and which figures are its own: certified ones, or those of the search."""
    out.write(f"{chosen.name}: {chosen.notation}, {chosen.params:,} parameters")
    if chosen.certificate is not None:
        out.write(f"\n{certified_line(chosen)}\n")
    else:
        what = "validation accuracy" if study.certification is None else "validation accuracy of the search"
        trained = "no result" if chosen.val_accuracy is None else f"{100 * accuracy(chosen.trial):.2f} %"
        out.write(f", {what} {trained}\n")
    is_pick = wanted.trial is None and wanted.network is None and not wanted.searched
    if is_pick and (left_out := uncertified(study)):
        numbers = ", ".join(str(trial.number) for trial in left_out)
        sys.stderr.write(
            f"the pick compared figures of the search, for trials of its front are not certified: {numbers}; "
            f"'mgnas certify {shell_word(study.folder)}' certifies them\n"
        )


def _print_result(result: ExportResult, out: TextIO) -> None:
    """Print the files, the comparison of the formats, and what was left out."""
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
    if result.finetuning is not None:
        out.write(f"{result.finetuning.text} ({result.finetuning.seconds:.0f} s)\n")
    for name, line in result.figures.items():
        out.write(f"{name}: {line}\n")
    for line in result.warnings:
        sys.stderr.write(f"{line}\n")
    for name in result.gone:
        sys.stderr.write(f"{name} of the earlier export was removed: its format was not requested again\n")
    for name, reason in result.skipped.items():
        sys.stderr.write(f"{name} was left out: {reason}\n")
