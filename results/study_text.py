"""A study's front as text for a terminal: the table, equal networks, the recommendation."""

from __future__ import annotations

from typing import TextIO

from results.front import accuracy
from results.storage.records import TrialRecord
from results.study import StudyReader
from results.tables import print_front


def print_study_front(study: StudyReader, stream: TextIO) -> None:
    """Print the front of a study, the rule of equal networks, the recommended network and a warning at chance."""
    print_front(study.front_records, stream, study.objectives, study.equal_to, is_int8=study.header.is_int8)
    stream.write("\n")
    if any(study.equal_to.values()):
        stream.write(f"equal to: {equal_rule(study)}\n")
    if (chosen := study.recommended) is not None:
        stream.write(
            f"recommended: trial {chosen.number}, the smallest within one standard error of the best: "
            f"{chosen.params:,} parameters, {accuracy_text(study, chosen)}\n"
        )
    if near_chance := chance_warning(study):
        stream.write(f"warning: {near_chance}\n")


def chance_warning(study: StudyReader) -> str:
    """Return a warning if no network is better than chance at 95 % confidence; else an empty text."""
    sampling, front = study.header.sampling, study.front_records
    if not front or any(sampling.is_above_chance(accuracy(trial)) for trial in front):
        return ""
    return f"no network is clearly better than chance ({100 * sampling.chance:.1f} %); search or train longer"


def equal_rule(study: StudyReader) -> str:
    """Return the rule of equal accuracies, as the object of a sentence."""
    num_images = study.header.sampling.num_images
    if num_images is None:
        return "trials with the same accuracy"
    return (
        "trials whose accuracy differs by at most one standard error on "
        f"{num_images:,} validation images, or by one image"
    )


def accuracy_text(study: StudyReader, trial: TrialRecord) -> str:
    """Return a trial's validation accuracy with its 95 % interval, if it has one."""
    text = f"{100 * accuracy(trial):.2f} %"
    interval = study.header.sampling.interval(accuracy(trial))
    return text if interval is None else f"{text} (95 % interval {percents(interval)})"


def percents(interval: tuple[float, float]) -> str:
    """Return an interval of accuracies in percent, such as ``95.1 to 97.2 %``."""
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"
