"""The section of the progress: the hypervolume over time."""

from __future__ import annotations

from results.plots.hypervolume_chart import hypervolume_chart
from results.report.html import chart, no_front
from results.report.section import Section
from results.study import StudyReader


def progress_section(study: StudyReader) -> Section:
    """Return the chart of the hypervolume."""
    name, title = "progress", "Progress of the search"
    if not study.front_records:
        return Section(name, title, no_front(study))
    content = hypervolume_chart(study)
    figure = chart("hypervolume", "hypervolume", _caption(study), content)
    return Section(name, title, figure, {"hypervolume": content})


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
