"""The head of the report: state, key figures, and notes on the accuracies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from results.device_use import device_use
from results.front import accuracy, complete_trials
from results.picks import best
from results.report.html import escape, percent
from results.report.section import Section
from results.study import StudyReader
from results.study_text import chance_warning, percents
from space.core.text import duration, plural

_MAX_REASONS = 5


def overview_section(study: StudyReader) -> Section:
    """Return the key figures of the search and the notes on the accuracies."""
    html = f'<dl class="tiles">{tiles(study)}</dl><p class="notice">{notice(study)}</p>{failures(study)}'
    return Section("overview", f"The {_what_ran(study)} in figures", html)


def lead(study: StudyReader) -> str:
    """Return the line below the heading: data set, trials and the spent budget."""
    data = study.header.data
    facts = []
    if "name" in data:
        facts.append(f"on <strong>{escape(data['name'])}</strong>")
    if isinstance(size := data.get("image_size"), (list, tuple)):
        facts.append(f"({escape('×'.join(map(str, size)))} pixels, {len(data.get('classes', []))} classes)")
    facts.append(f"· {study.num_finished} of {study.header.trials} trials")
    if unfinished := len(study.records) - study.num_finished:
        facts.append(f"· {unfinished} unfinished")
    if study.spent and study.num_finished < study.header.trials:
        facts.append(f"· {escape(study.spent)}")
    return " ".join(facts)


def tiles(study: StudyReader) -> str:
    """Return the key figures of the search as a definition list."""
    front = study.front_records
    num_failed = sum(trial.state == "failed" for trial in study.records)
    num_epochs = sum(len(reports) for reports in study.reports.values())
    num_stopped = sum(trial.state == "stopped" for trial in study.records)
    with_result = sum(trial.state == "complete" for trial in study.records)
    others = f"{num_failed} failed" if num_failed else "none failed"
    if num_stopped:
        others += f", {num_stopped} stopped at a rung"
    rows = [
        ("networks on the front", str(len(front)), f"of {plural(with_result, 'trained network')}"),
        ("hypervolume", f"{study.hypervolume:.3f}", "share of the box dominated, 0 to 1"),
        ("trials with a result", str(with_result), others),
        ("search time", duration(study.searched_s), f"{plural(num_epochs, 'epoch')} trained"),
    ]
    if (use := device_use(study)) is not None:
        rate = "" if use.images_per_s is None else f"{use.images_per_s:,.0f} training images/s"
        rows.append(("time with a training", f"{100 * use.busy:.0f} %", rate or "of the search time"))
    if study.header.plan:
        seeds = sorted({training.seed for training in study.header.plan})
        rows.append(("seeds", str(len(seeds)), f"from {seeds[0]} to {seeds[-1]}"))
    elif (seed := _seed(study)) is not None:
        rows.append(("seed", escape(seed), "every trial's seed follows from it"))
    return "\n".join(
        f'<div><dt>{label}</dt><dd class="figure">{figure}</dd><dd class="detail">{detail}</dd></div>'
        for label, figure, detail in rows
    )


def notice(study: StudyReader) -> str:
    """Return the notes on the accuracies: split, selection bias, intervals, chance."""
    count = study.header.data.get("val")
    of_images = f" ({count:,} images)" if isinstance(count, int) else ""
    text = [
        "<strong>How to read the accuracies.</strong> They are measured on the <strong>validation</strong> "
        f"split{of_images}. The {_what_ran(study)} never saw any test images.",
        *(_on_plan(study) if study.header.plan else _on_search(study)),
    ]
    if study.header.is_int8:
        text.append("They are those of the int8 networks; learning curves show the float networks.")
    front = study.front_records
    if study.header.is_balanced:
        text.append("They are balanced: the mean of the accuracies of the classes.")
    elif front and (interval := study.header.sampling.interval(accuracy(top := best(front)))):
        chosen = "Without the selection, " if len(complete_trials(study.records)) > 1 else ""
        text.append(f"{chosen}{percent(top)} on {count:,} images means {percents(interval)} (95 % interval).")
    if warning := chance_warning(study):
        text.append(f"<strong>{warning[0].upper()}{warning[1:]}.</strong>")
    return " ".join(text)


def _what_ran(study: StudyReader) -> str:
    return "trainings" if study.header.plan else "search"


def _on_search(study: StudyReader) -> list[str]:
    """Return the notes on the selection by a search."""
    text = []
    if len(complete_trials(study.records)) > 1:
        text.append(
            "The search selected the best trials by these accuracies, so they are optimistic. Expect lower "
            "accuracy on new images."
        )
    if len(study.front_records) > 1:
        text.append(
            "Each network was trained once. The intervals contain the sampling error of the images. They do "
            "not contain the variance between seeds."
        )
    return text


def _on_plan(study: StudyReader) -> list[str]:
    """Return the notes on named networks: the front has the best seed of each one."""
    if len({training.seed for training in study.header.plan}) < 2:
        return ["Each network was trained once. The intervals do not contain the variance between seeds."]
    return [
        "The front has the best seed of each network, so its accuracies are optimistic. The table "
        "<em>Trainings</em> has their mean and deviation over the seeds."
    ]


def failures(study: StudyReader) -> str:
    """Return the number of failed trials and the most frequent reasons; empty without failures."""
    failed = [trial for trial in study.records if trial.state == "failed"]
    if not failed:
        return ""
    reasons = Counter(trial.short_reason for trial in failed)
    shown = [f"{escape(reason)} ({count}×)" for reason, count in reasons.most_common(_MAX_REASONS)]
    if len(reasons) > _MAX_REASONS:
        shown.append(f"and {len(reasons) - _MAX_REASONS} other reasons")
    return (
        f'<p class="notice"><strong>{plural(len(failed), "trial")} failed</strong> and '
        f"{'is' if len(failed) == 1 else 'are'} in no chart: {'; '.join(shown)}.</p>"
    )


def _seed(study: StudyReader) -> Any:
    search = study.header.config.get("search")
    return search.get("seed") if isinstance(search, Mapping) else None
