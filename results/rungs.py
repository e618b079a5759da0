"""The rungs of a study: the epochs at which trainings may pause, and the trials that reached them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from results.storage.records import StudyHeader
    from results.study import StudyReader


def rung_epochs(epochs: int, reduction: int, first: int = 1) -> tuple[int, ...]:
    """Return the rungs in epochs, ascending.

    The last rung is ``epochs``. Each rung is ``reduction`` times the one before, rounded; no rung is below
    ``first``.
    """
    rungs = [epochs]
    while (before := round(rungs[-1] / reduction)) >= first and before < rungs[-1]:
        rungs.append(before)
    return tuple(reversed(rungs))


def study_rungs(header: StudyHeader) -> tuple[int, ...]:
    """Return the rungs of a study in epochs, ascending; empty for a scheduler without rungs."""
    search, train = _section(header, "search"), _section(header, "train")
    epochs, reduction = train.get("epochs"), search.get("reduction")
    if header.plan or search.get("scheduler", "fifo") == "fifo" or not epochs or not reduction:
        return ()
    rungs = rung_epochs(epochs, reduction, search.get("first_rung", 1))
    return rungs if len(rungs) > 1 else ()


def _section(header: StudyHeader, name: str) -> Mapping[str, Any]:
    section = header.config.get(name)
    return section if isinstance(section, Mapping) else {}


@dataclass(frozen=True)
class Rung:
    """The trials of a search that reached one rung.

    Attributes:
        epoch: The epoch of the rung.
        accuracies: The validation accuracy at this epoch by trial number, from 0 to 1.
        num_resumed: How many of them trained further; 0 at the last rung.
        num_paused: How many of them wait at this rung.
        num_stopped: How many of them were stopped at this rung.
    """

    epoch: int
    accuracies: Mapping[int, float]
    num_resumed: int
    num_paused: int
    num_stopped: int

    @property
    def num_trials(self) -> int:
        """The number of trials that reached the rung."""
        return len(self.accuracies)

    def quartiles(self) -> tuple[float, float, float] | None:
        """Return the lower quartile, the median and the upper quartile of the accuracies; None without any."""
        values = list(self.accuracies.values())
        if len(values) < 2:
            return (values[0],) * 3 if values else None
        low, middle, high = quantiles(values, n=4, method="inclusive")
        return low, middle, high


def rung_populations(study: StudyReader) -> list[Rung]:
    """Return the rungs of a study with the trials that reached them; empty for a scheduler without rungs.

    Reference networks train without pauses and are left out.
    """
    rungs = []
    for epoch in study_rungs(study.header):
        here = [trial for trial in study.records if len(study.reports.get(trial.number, ())) >= epoch]
        waiting = [trial.state for trial in here if len(study.reports[trial.number]) == epoch]
        rungs.append(
            Rung(
                epoch,
                {trial.number: study.reports[trial.number][epoch - 1].val_accuracy for trial in here},
                len(here) - len(waiting),
                waiting.count("paused"),
                waiting.count("stopped"),
            )
        )
    return rungs
