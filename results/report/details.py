"""The details of networks: diagram, figures, accuracy of each class, learning curve and export command."""

from __future__ import annotations

from results.certification.records import CertifiedNetwork
from results.front import accuracy, complete_trials
from results.near_front import near_front
from results.plots.chart import Chart
from results.plots.curve_chart import curve_chart
from results.plots.network_rows import drawing_of
from results.plots.network_svg import network_svg
from results.report.certified_details import certified_details
from results.report.class_table import class_table
from results.report.html import (
    chart,
    command,
    details_name,
    escape,
    export_command,
    percent,
    percent_text,
    save_buttons,
)
from results.storage.objectives import COSTS
from results.storage.records import TrialRecord
from results.study import StudyReader
from results.study_text import percents
from space.core.atomic_files import shell_word
from space.core.errors import MgnasError
from space.core.text import short_count
from space.networks.load import load_spec

MOST_OF_THE_FRONT = 150
"""The largest number of networks of the front with details, which bounds the size of the page."""


def detailed(study: StudyReader) -> list[TrialRecord]:
    """Return the trials with details: the front, networks near it, and the references."""
    front = study.front_records[:MOST_OF_THE_FRONT]
    return [*front, *near_front(study), *complete_trials(study.references)]


def details_of_networks(study: StudyReader) -> tuple[str, dict[str, Chart]]:
    """Return the details as HTML templates, which the page's script shows, and their charts."""
    charts: dict[str, Chart] = {}
    templates = []
    trials = detailed(study)
    certified = (
        {network.arch: network for network in study.certification.networks} if study.certification else {}
    )
    for trial in trials:
        title = f"Trial {trial.number}"
        if trial.reference is not None:
            title = f"Reference {trial.reference}, trial {trial.number}"
        name = details_name(trial)
        if reports := study.reports.get(trial.number):
            charts[f"curve-{name}"] = curve_chart(reports)
        body = _details(study, trial, charts, certified.pop(trial.arch, None))
        templates.append(_template(name, title, trial, body))
    for network in certified.values():
        name, trial = f"network-{network.arch}", network.trainings[0]
        body = certified_details(study, network, name, charts) + _columns(study, trial, name)
        templates.append(_template(name, network.name, trial, body))
    return "".join(templates), charts


def certified_names(study: StudyReader) -> dict[str, str]:
    """Return the names of the details of the certified networks, by identity.

    A network with a trial shares the details of this trial.
    """
    networks = study.certification.networks if study.certification else ()
    own = {network.arch: f"network-{network.arch}" for network in networks}
    return own | {trial.arch: details_name(trial) for trial in reversed(detailed(study)) if trial.arch in own}


def _template(name: str, title: str, trial: TrialRecord, body: str) -> str:
    return (
        f'<template id="{escape(name)}"><h2 id="details-title" tabindex="-1">{escape(title)}</h2>'
        f'<p><code class="notation">{escape(trial.notation)}</code></p>{body}</template>'
    )


def _details(
    study: StudyReader, trial: TrialRecord, charts: dict[str, Chart], network: CertifiedNetwork | None
) -> str:
    name = details_name(trial)
    curve = f"curve-{name}"
    shown = '<p class="empty">This training has no recorded epochs.</p>'
    if curve in charts:
        shown = chart(curve, f"learning curve of trial {trial.number}", "", charts[curve])
    certified = "" if network is None else certified_details(study, network, name, charts)
    export = _export(study, trial) if network is None else ""
    classes = (
        ""
        if network is not None
        else class_table(study.header.data.get("classes", ()), trial.class_accuracies)
    )
    return (
        f'<p class="quiet">{_place(study, trial)}</p>{export}{certified}{_columns(study, trial, name)}'
        f"<h3>Learning curve of the search</h3>{shown}{classes}"
    )


def _columns(study: StudyReader, trial: TrialRecord, name: str) -> str:
    return (
        f'<div class="columns"><div>{diagram(study, trial, name)}</div>'
        f"<div><h3>Figures of the training</h3>{_figures(study, trial)}</div></div>"
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
        return command(export_command(study.folder, trial))
    certify = f"mgnas certify {shell_word(study.folder)} --trial {trial.number}"
    return (
        f'<p class="quiet">Its weights are not kept. The next command trains it again.</p>{command(certify)}'
    )


def diagram(study: StudyReader, trial: TrialRecord, owner: str) -> str:
    """Return the diagram of a network with its sharing in words; a note where there is none.

    Args:
        study: The study.
        trial: A training of the network.
        owner: The name of the details.
    """
    name = f"diagram-{owner}"
    try:
        drawing = drawing_of(load_spec(trial.spec), _image_size(study, trial))
    except MgnasError:  # the family of a plugin that is not loaded
        drawing = None
    if drawing is None:
        return '<h3>Diagram</h3><p class="empty">Networks of this family have no diagram.</p>'
    buttons = save_buttons("picture", name, "the diagram")
    words = "; ".join(drawing.sharing)
    return (
        f'<h3>Diagram</h3><figure><div class="bar"><span>levels, iterations, operators</span>{buttons}</div>'
        f'<div class="picture" id="{name}">{network_svg(drawing, name)}</div><figcaption>{escape(words)}. '
        "A line joins operators that share their weights.</figcaption></figure>"
    )


def _image_size(study: StudyReader, trial: TrialRecord) -> tuple[int, int]:
    if trial.image_side is not None:
        return trial.image_side, trial.image_side
    size = study.header.data.get("image_size")
    return (int(size[0]), int(size[1])) if isinstance(size, (list, tuple)) and len(size) == 2 else (32, 32)


def _other_accuracy(study: StudyReader, trial: TrialRecord) -> dict[str, str]:
    """Return int8 accuracy, or float accuracy where int8 accuracy is the one that the study maximises."""
    is_int8 = study.header.is_int8
    value = trial.float_accuracy if is_int8 else trial.int8_accuracy
    if value is None:
        return {}
    return {f"accuracy of the {'float' if is_int8 else 'int8'} network": percent_text(value)}


def _figures(study: StudyReader, trial: TrialRecord) -> str:
    interval = study.header.sampling.interval(accuracy(trial))
    costs = trial.network_costs
    rows = {
        f"validation accuracy{', int8' * study.header.is_int8}": percent(trial),
        "95 % interval": percents(interval) if interval else "unavailable",
        **_other_accuracy(study, trial),
        "parameters": f"{trial.params:,}",
        "MACs": f"{trial.macs:,} ({short_count(trial.macs)})",
    }
    for name in ("activation_mib", "flash_kib", "sram_kib", "latency_ms", "energy_j"):
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
