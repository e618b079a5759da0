"""The details of networks: diagram, figures, accuracy of each class, learning curve and export command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from results.front import accuracy, complete_trials
from results.near_front import near_front
from results.plots.axes import short_count
from results.plots.chart import Chart
from results.plots.curve_chart import curve_chart
from results.plots.network_rows import drawing_of
from results.plots.network_svg import network_svg
from results.report.html import chart, command, details_name, escape, export_command, percent, save_buttons
from results.storage.objectives import COSTS
from results.storage.records import TrialRecord
from results.study import StudyReader
from results.study_text import percents
from space.core.atomic_files import shell_word
from space.core.errors import MgnasError
from space.networks.load import load_spec

MOST_OF_THE_FRONT = 150
"""The largest number of networks of the front with details, which bounds the size of the page."""
FEW_CLASSES = 20
"""Up to this number of classes, the table of their accuracies is open."""


def detailed(study: StudyReader) -> list[TrialRecord]:
    """Return the trials with details: the front, networks near it, and the references."""
    front = study.front_records[:MOST_OF_THE_FRONT]
    return [*front, *near_front(study), *complete_trials(study.references)]


def details_of_networks(study: StudyReader) -> tuple[str, dict[str, Chart]]:
    """Return the details as HTML templates, which the page's script shows, and their charts."""
    charts: dict[str, Chart] = {}
    templates = []
    for trial in detailed(study):
        name = details_name(trial)
        if reports := study.reports.get(trial.number):
            charts[f"curve-{name}"] = curve_chart(reports)
        templates.append(f'<template id="{name}">{_details(study, trial, charts)}</template>')
    return "".join(templates), charts


def _details(study: StudyReader, trial: TrialRecord, charts: Mapping[str, Chart]) -> str:
    name = details_name(trial)
    title = f"Trial {trial.number}"
    if trial.reference is not None:
        title = f"Reference {escape(trial.reference)}, trial {trial.number}"
    curve = f"curve-{name}"
    shown = (
        chart(curve, f"learning curve of trial {trial.number}", "", charts[curve]) if curve in charts else ""
    )
    return (
        f'<h2 id="details-title" tabindex="-1">{title}</h2>'
        f'<p><code class="notation">{escape(trial.notation)}</code></p><p class="quiet">{_place(study, trial)}</p>'
        f'{_export(study, trial)}<div class="columns"><div>{diagram(study, trial)}</div>'
        f"<div><h3>Figures</h3>{_figures(study, trial)}</div></div>"
        f"<h3>Learning curve</h3>{shown or '<p class=empty>This training has no recorded epochs.</p>'}"
        f"{class_table(study.header.data.get('classes', ()), trial.class_accuracies)}"
    )


def _place(study: StudyReader, trial: TrialRecord) -> str:
    """Return the relation of a trial to the front."""
    if trial.reference is not None:
        return "A network of the papers, trained by this study's recipe for comparison."
    if any(one.number == trial.number for one in study.front_records):
        return "On the front."
    return (
        "Near the front: within one standard error of the best network of no higher cost. The validation images "
        "cannot distinguish them."
    )


def _export(study: StudyReader, trial: TrialRecord) -> str:
    """Return the command that exports a trial, or that trains it again if its weights are not kept."""
    if trial.weights is not None or any(one.number == trial.number for one in study.front_records):
        return command(export_command(study, trial))
    certify = f"mgnas certify {shell_word(study.folder)} --trial {trial.number}"
    return (
        f'<p class="quiet">Its weights are not kept. The next command trains it again.</p>{command(certify)}'
    )


def diagram(study: StudyReader, trial: TrialRecord) -> str:
    """Return the diagram of a network with its sharing in words; a note where there is none."""
    name = f"diagram-{details_name(trial)}"
    try:
        drawing = drawing_of(load_spec(trial.spec), _image_size(study))
    except MgnasError:  # the family of a plugin that is not loaded
        drawing = None
    if drawing is None:
        return '<h3>Diagram</h3><p class="empty">Networks of this family have no diagram.</p>'
    buttons = save_buttons("picture", name, f"diagram of trial {trial.number}")
    words = "; ".join(drawing.sharing)
    return (
        f'<h3>Diagram</h3><figure><div class="bar"><span>levels, iterations, operators</span>{buttons}</div>'
        f'<div class="picture" id="{name}">{network_svg(drawing, name)}</div><figcaption>{escape(words)}. '
        "A line joins operators that share their weights.</figcaption></figure>"
    )


def _image_size(study: StudyReader) -> tuple[int, int]:
    size = study.header.data.get("image_size")
    return (int(size[0]), int(size[1])) if isinstance(size, (list, tuple)) and len(size) == 2 else (32, 32)


def _figures(study: StudyReader, trial: TrialRecord) -> str:
    interval = study.header.sampling.interval(accuracy(trial))
    costs = trial.network_costs
    rows = {
        "validation accuracy": percent(trial),
        "95 % interval": percents(interval) if interval else "unavailable",
        "parameters": f"{trial.params:,}",
        "MACs": f"{trial.macs:,} ({short_count(trial.macs)})",
    }
    for name in ("activation_mib", "latency_ms", "energy_j"):
        if (value := trial.cost(name)) is not None:
            rows[COSTS[name].title] = f"{COSTS[name].text(value)} {COSTS[name].unit}"
    if costs.latency_p95_ms is not None:
        rows["latency, 95th percentile"] = f"{COSTS['latency_ms'].text(costs.latency_p95_ms)} ms"
    if costs.latency_batch is not None and costs.latency_batch_ms is not None:
        rows[f"latency of {costs.latency_batch} images"] = (
            f"{COSTS['latency_ms'].text(costs.latency_batch_ms)} ms"
        )
    rows |= {
        "epochs": f"{trial.epochs} of {trial.max_epochs}",
        "training time": f"{trial.train_s:.1f} s",
        "seed": str(trial.seed),
        "identity": trial.arch,
    }
    if trial.training_text:
        rows["searched training"] = trial.training_text
    cells = "".join(
        f'<tr><th scope="row">{label}</th><td>{escape(text)}</td></tr>' for label, text in rows.items()
    )
    return f"<table><tbody>{cells}</tbody></table>"


def class_table(classes: Sequence[str], accuracies: Sequence[float | None]) -> str:
    """Return the accuracies of the classes as a table with bars, in the order of the classes; empty without any."""
    if not accuracies or len(classes) != len(accuracies):
        return ""
    rows = "".join(_class_row(name, value) for name, value in zip(classes, accuracies, strict=True))
    is_open = " open" * (len(classes) <= FEW_CLASSES)
    return (
        f"<details{is_open}><summary>Accuracy of each class</summary>"
        '<table class="classes"><thead><tr><th scope="col">class</th><th scope="col" class="number">accuracy</th>'
        f'<td aria-hidden="true"></td></tr></thead><tbody>{rows}</tbody></table></details>'
    )


def _class_row(name: str, value: float | None) -> str:
    text = "–" if value is None else f"{100 * value:.1f}\u00a0%"
    bar = f'<i style="width:{100 * (value or 0):.1f}%"></i>'
    return (
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{text}</td>'
        f'<td class="meter" aria-hidden="true">{bar}</td></tr>'
    )
