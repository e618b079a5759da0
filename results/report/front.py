"""The section of the front: a chart of accuracy for each cost."""

from __future__ import annotations

from results.front import complete_trials
from results.picks import KNEE_SHARE
from results.plots.axes import accuracies
from results.plots.chart import Chart
from results.plots.front_chart import front_chart
from results.report.html import chart, no_front
from results.report.objectives import front_lead
from results.report.section import Section
from results.storage.objectives import Cost
from results.study import StudyReader


def front_section(study: StudyReader) -> Section:
    """Return the charts of the front; the first one has the common caption."""
    lead = f"<p>{front_lead(study)}</p>"
    if not study.front_records:
        return Section("front", "The front", lead + no_front(study))
    charts = {_chart_name(cost): front_chart(study, cost) for cost in study.objectives.costs}
    captions = [_caption(study, next(iter(charts.values()))), *[""] * (len(charts) - 1)]
    figures = [
        chart(name, f"validation accuracy against {cost.title}", caption, content, tall=True)
        for cost, (name, content), caption in zip(
            study.objectives.costs, charts.items(), captions, strict=True
        )
    ]
    return Section("front", "The front", lead + "".join(figures), charts)


def _chart_name(cost: Cost) -> str:
    return "front" if cost.name == "params" else f"front-{cost.name}"


def _caption(study: StudyReader, content: Chart) -> str:
    sentences = []
    if study.header.sampling.interval(0.5) is not None:
        sentences.append("Bars are 95 % intervals: the sampling error of the validation images.")
    if study.knee is not None:
        above = "the line between the ends of the front"
        if len(study.objectives.costs) > 1:
            above = "the mean of its scaled costs"
        sentences.append(
            f"The knee is the network with the largest distance above {above}. Candidates have at least "
            f"{100 * KNEE_SHARE:.0f} % of the best network's advantage over chance."
        )
    if any(trial.epochs < trial.max_epochs for trial in complete_trials(study.records)):
        sentences.append("Open circles are trainings that stopped before their last epoch.")
    if complete_trials(study.references):
        sentences.append("Diamonds are networks of the papers, trained by the same recipe.")
    if study.certification is not None:
        sentences.append(
            "Squares are certified: the mean test accuracy over the seeds with its 95 % interval; filled squares are "
            "on the certified front."
        )
    floor = content.focus[0]
    if below := sum(value < floor for value in accuracies(study.records)):
        is_below = "network is" if below == 1 else "networks are"
        sentences.append(
            f"{below} {is_below} below {floor:.1f} %, outside the close-up; <em>everything</em> shows all."
        )
    sentences.append("A click on a point opens the details of its network.")
    return " ".join(sentences)
