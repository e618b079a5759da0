"""The section of the progress: the hypervolume over time, epochs and energy."""

from __future__ import annotations

from results.plots.hypervolume_chart import Against, hypervolume_chart
from results.report.html import chart, no_front
from results.report.section import Section
from results.search_progress import SearchProgress, search_progress
from results.study import StudyReader
from space.core.text import duration, plural

_NAMES: dict[Against, str] = {
    "time": "hypervolume",
    "epochs": "hypervolume-epochs",
    "energy": "hypervolume-energy",
}


def progress_section(study: StudyReader) -> Section:
    """Return the charts of the hypervolume: against time, epochs and, where it is recorded, energy."""
    name, title = "progress", f"Progress of the {'trainings' if study.header.plan else 'search'}"
    if not study.front_records:
        return Section(name, title, no_front(study))
    progress = search_progress(study)
    shown = [against for against in _NAMES if against != "energy" or progress.num_with_energy]
    charts = {_NAMES[against]: hypervolume_chart(study, against, progress) for against in shown}
    figures = "".join(
        chart(_NAMES[against], f"hypervolume against {against}", "", charts[_NAMES[against]])
        for against in shown
    )
    text = " ".join([_caption(study), *_left_out(progress)])
    return Section(name, title, f'<p>{text}</p><div class="multiples">{figures}</div>', charts)


def _caption(study: StudyReader) -> str:
    if study.objectives.is_params:
        return (
            "The hypervolume is the share of a box that the front dominates. The box spans the error from 0 to "
            "100 % and the logarithm of the parameters from the smallest network of the space to the largest. "
            "The value 1 is a network of the smallest size without errors."
        )
    titles = ", ".join(cost.title for cost in study.objectives.costs)
    return (
        "The hypervolume is the share of a box that the front dominates. The box spans the error from 0 "
        f"to 100 % and the logarithm of {titles}, each over its range in the space, or the measured "
        "range. The value 1 is a network of the lowest costs without errors."
    )


def _left_out(progress: SearchProgress) -> list[str]:
    """Return sentences on the references and the trainings without energy."""
    sentences = []
    if progress.reference_epochs:
        apart = f"The {plural(progress.reference_epochs, 'epoch')} of the references are in no chart"
        if progress.references_s >= 1:
            apart += f", nor are the {duration(progress.references_s)} in which only references trained"
        sentences.append(f"{apart}.")
    if progress.num_with_energy and progress.num_without_energy:
        sentences.append(
            f"Energy is recorded for {plural(progress.num_with_energy, 'complete training')}. "
            f"{plural(progress.num_without_energy, 'other training')} without a recorded energy "
            "used more."
        )
    return sentences
