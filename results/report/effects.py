"""The report's small charts of what each hyperparameter does, as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from results.effect_groups import MIN_GROUP
from results.effects import MIN_TRIALS, Effects, HyperparameterEffect, ValueEffect
from results.plots.axes import plural
from results.report.html import escape

_CLEAR = 0.05
_HYPERPARAMETERS = {
    "levels": "number of levels",
    "nu": "smoothing iterations",
    "c_u": "feature channels",
    "c_f": "data channels",
    "share_a": "sharing of A",
    "share_b": "sharing of B",
}


def effects_charts(found: Effects) -> str:
    """Return a small chart of every hyperparameter, the strongest first, and what to make of them."""
    estimated = [effect for effect in found.hyperparameters if effect.reason is None]
    silent = [effect for effect in found.hyperparameters if effect.reason is not None]
    gaps = "; ".join(f"<code>{escape(e.hyperparameter)}</code> ({escape(e.reason)})" for e in silent)
    gaps = f'<p class="quiet">No estimate for: {gaps}.</p>' if silent else ""
    if not estimated:
        few = f"at least {MIN_TRIALS} finished trials are needed, and there {_are(found.num_trials)}"
        why = (
            few if found.num_trials < MIN_TRIALS else "no hyperparameter took two values that can be compared"
        )
        shown = "" if found.num_trials < MIN_TRIALS else gaps
        return f'<p class="empty">Nothing can be said about the hyperparameters: {why}.</p>{shown}'
    text = [
        "Larger networks are more accurate, so values are compared among networks of the same size: each row "
        "is a value's distance from its hyperparameter's average, in percentage points of validation accuracy, with a "
        f"95 % interval. Estimated from {found.num_trials} finished trials, the strongest hyperparameter first. The "
        "search chooses its trials, so hyperparameters that it changed together cannot be told fully apart: a hint of "
        f"what to vary next, not a proof. Values with fewer than {MIN_GROUP} trainings are left out. "
        "Share and p value are those that remain without the training that supports them most."
    ]
    if found.num_outliers:
        text.append(
            f"{plural(found.num_outliers, 'accuracy', 'accuracies')} far from the others of that size, "
            f"whatever the hyperparameters, count{'s' * (found.num_outliers == 1)} as less far, so that one bad "
            "training does not decide."
        )
    if found.epochs_differ:
        text.append("Trials that ended early are compared at equal epochs, which makes effects look smaller.")
    reach = _reach(estimated)
    cards = "".join(_hyperparameter_card(effect, reach) for effect in estimated)
    return f'<p>{" ".join(text)}</p><div class="hyperparameters">{cards}</div>{gaps}'


def _reach(found: Sequence[HyperparameterEffect]) -> float:
    """Return the end of the effects' common axis; the widest intervals may run out of it."""
    values = [value for effect in found for value in effect.values]
    ends = sorted(max(abs(value.low), abs(value.high)) for value in values)
    largest = max(abs(value.effect) for value in values)
    return max(1.1 * largest, ends[int(0.85 * (len(ends) - 1))], 1e-4)


def _hyperparameter_card(effect: HyperparameterEffect, reach: float) -> str:
    is_clear = effect.p_value < _CLEAR
    verdict = "<strong>unlikely to be chance</strong>" if is_clear else "may be chance"
    p_value = f"p {'&le;' if effect.p_value <= 0.001 else '='} {max(effect.p_value, 0.001):.2g}"
    rows = "".join(_value_row(value, reach, is_clear) for value in effect.values)
    end = f"{100 * reach:.2g}"
    rare = ", ".join(f"{escape(label)} (n {count})" for label, count in effect.left_out)
    rare = f'<p class="rare">Too few trainings (under {MIN_GROUP}), left out: {rare}.</p>' if rare else ""
    return (
        f'<article class="hyperparameter"><h3>{_heading(effect.hyperparameter)}</h3>'
        f"<p>explains {100 * effect.importance:.0f} % of what size leaves open · {verdict} ({p_value}) · "
        f'{effect.num_trials} trials</p><div class="rows">{rows}'
        f'<span></span><span class="axis"><span>−{end}</span><span>0</span><span>+{end}</span></span>'
        f'<span class="n">points</span></div>{rare}</article>'
    )


def _heading(hyperparameter: str) -> str:
    """Return the hyperparameter's name and, where it is known, what it means."""
    name = f"<code>{escape(hyperparameter)}</code>"
    if hyperparameter in _HYPERPARAMETERS:
        return f"{name} <small>{_HYPERPARAMETERS[hyperparameter]}</small>"
    stem, _, level = hyperparameter.rpartition("_")
    if stem in _HYPERPARAMETERS and level.isdecimal():
        return f"{name} <small>{_HYPERPARAMETERS[stem]}, level {level}</small>"
    return name


def _value_row(value: ValueEffect, reach: float, is_clear: bool) -> str:
    def place(effect: float) -> float:
        return 50 + 50 * min(max(effect / reach, -1.0), 1.0)

    low, centre, high = place(value.low), place(value.effect), place(value.high)
    kind = ""
    if is_clear and value.low * value.high > 0:
        kind = " better" if value.effect > 0 else " worse"
    detail = (
        f"{100 * value.effect:+.2f} points, 95 % interval {100 * value.low:+.2f} to {100 * value.high:+.2f}"
    )
    return (
        f'<span>{escape(value.label)}</span><span class="track{kind}" title="{detail}">'
        f'<b style="left:{low:.1f}%;width:{high - low:.1f}%"></b><i style="left:{centre:.1f}%"></i></span>'
        f'<span class="n">{_points(value.effect, 1)} <small>n {value.num_trials}</small></span>'
    )


def _points(share: float, digits: int) -> str:
    """Return a difference in percentage points with its sign; zero has none."""
    points = round(100 * share, digits)
    sign = "+" if points > 0 else "−" if points < 0 else ""
    return f"{sign}{abs(points):.{digits}f}"


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count or 'none'}"
