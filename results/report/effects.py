"""The charts of the hyperparameters' effects in the report, as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from results.effect_groups import MIN_GROUP
from results.effects import MIN_TRIALS, Effects, HyperparameterEffect
from results.plots.effect_svg import CLEAR, effect_svg
from results.report.html import escape, save_buttons
from results.report.section import Section
from results.report.sharing import sharing_html
from results.sharing import sharing_effects
from results.study import StudyReader
from space.core.text import plural

_HYPERPARAMETERS = {
    "levels": "number of levels",
    "nu": "smoothing iterations",
    "c_u": "feature channels",
    "c_f": "data channels",
    "share_a": "sharing of A",
    "share_b": "sharing of B",
}


def effects_section(study: StudyReader) -> Section:
    """Return the charts of the effects."""
    charts = effects_charts(study.effects)
    title = "Effects of the hyperparameters at equal size"
    return Section("effects", title, charts + sharing_html(sharing_effects(study.records)))


def effects_charts(found: Effects) -> str:
    """Return a chart for each hyperparameter, the strongest effect first, with an explanation."""
    estimated = [effect for effect in found.hyperparameters if effect.reason is None]
    silent = [effect for effect in found.hyperparameters if effect.reason is not None]
    gaps = "; ".join(f"<code>{escape(e.hyperparameter)}</code> ({escape(e.reason)})" for e in silent)
    gaps = f'<p class="quiet">No estimate for: {gaps}.</p>' if silent else ""
    if not estimated:
        few = f"they need at least {MIN_TRIALS} finished trials, and there {_are(found.num_trials)}"
        why = few if found.num_trials < MIN_TRIALS else "no hyperparameter has two comparable values"
        shown = "" if found.num_trials < MIN_TRIALS else gaps
        return f'<p class="empty">No effects can be estimated: {why}.</p>{shown}'
    text = [
        "Larger networks are more accurate, so the values of a hyperparameter are compared at equal size. Each "
        "row shows the difference between a value and the hyperparameter's mean, in percentage points of "
        f"validation accuracy, with a 95 % interval. The estimates use {found.num_trials:,} finished trials; the "
        "hyperparameter with the strongest effect comes first. The search chooses the trials, so it can "
        "confound hyperparameters that it changed together. Use the effects to decide what to vary next; they "
        f"prove nothing. Values with fewer than {MIN_GROUP} trainings are left out. The percentage and the p "
        "value are computed without the training that supports the effect most."
    ]
    if found.num_outliers:
        text.append(
            f"{plural(found.num_outliers, 'outlier')} (far from the other accuracies of that size) "
            f"{'was' if found.num_outliers == 1 else 'were'} moved closer, to limit the influence of single "
            "trainings."
        )
    if found.epochs_differ:
        text.append(
            "Trials that stopped early are compared at equal epochs. This reduces the estimated effects."
        )
    reach = _reach(estimated)
    cards = "".join(_hyperparameter_card(effect, reach) for effect in estimated)
    return f'<p>{" ".join(text)}</p><div class="hyperparameters">{cards}</div>{gaps}'


def _reach(found: Sequence[HyperparameterEffect]) -> float:
    """Return the end of the common axis of the effects; the widest intervals may exceed it."""
    values = [value for effect in found for value in effect.values]
    ends = sorted(max(abs(value.low), abs(value.high)) for value in values)
    largest = max(abs(value.effect) for value in values)
    return max(1.1 * largest, ends[int(0.85 * (len(ends) - 1))], 1e-4)


def _hyperparameter_card(effect: HyperparameterEffect, reach: float) -> str:
    is_clear = effect.p_value < CLEAR
    verdict = "<strong>unlikely to be chance</strong>" if is_clear else "may be chance"
    p_value = f"p {'&le;' if effect.p_value <= 0.001 else '='} {max(effect.p_value, 0.001):.2g}"
    rare = ", ".join(f"{escape(label)} (n {count})" for label, count in effect.left_out)
    rare = f'<p class="rare">Too few trainings (under {MIN_GROUP}), left out: {rare}.</p>' if rare else ""
    name = escape(f"effect-{effect.hyperparameter}")
    buttons = save_buttons("picture", name, escape(f"the effects of {effect.hyperparameter}"))
    return (
        f'<article class="hyperparameter"><div class="bar"><h3>{_heading(effect.hyperparameter)}</h3>{buttons}</div>'
        f"<p>explains {100 * effect.importance:.0f} % of the variance not explained by size · {verdict} ({p_value}) · "
        f'{effect.num_trials:,} trials</p><div class="picture" id="{name}">{effect_svg(effect, reach)}</div>'
        f"{rare}</article>"
    )


def _heading(hyperparameter: str) -> str:
    """Return the hyperparameter's name with its meaning, if it is known."""
    name = f"<code>{escape(hyperparameter)}</code>"
    if hyperparameter in _HYPERPARAMETERS:
        return f"{name} <small>{_HYPERPARAMETERS[hyperparameter]}</small>"
    stem, _, level = hyperparameter.rpartition("_")
    if stem in _HYPERPARAMETERS and level.isdecimal():
        return f"{name} <small>{_HYPERPARAMETERS[stem]}, level {level}</small>"
    return name


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count or 'none'}"
