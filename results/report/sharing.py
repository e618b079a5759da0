"""What sharing of A and B saved and cost, in words."""

from __future__ import annotations

from collections.abc import Sequence

from results.report.html import escape
from results.sharing import SharingEffect

_OVER = {"level": "over the iterations of a level", "network": "over the whole network"}


def sharing_html(effects: Sequence[SharingEffect]) -> str:
    """Return one sentence for each form of sharing, and how they were computed; empty without effects."""
    if not effects:
        return ""
    items = "".join(f"<li>{escape(sharing_sentence(effect))}</li>" for effect in effects)
    return (
        f'<h3 class="sharing">What sharing saved and cost</h3><ul>{items}</ul>'
        '<p class="quiet">The saving is counted: each network with sharing against the same network without it. The '
        "cost is estimated from networks with and without sharing by a regression, at equal parameters before "
        "sharing and equal MACs, training and other choices. The charts above compare at equal size instead: a "
        "network that shares can be wider. The search chose the networks, so the estimates are not those of a "
        "randomised experiment. Networks in which sharing changes nothing are left out.</p>"
    )


def sharing_sentence(effect: SharingEffect) -> str:
    """Return what one form of sharing saved and cost as a sentence of plain text."""
    subject = f"Sharing {effect.operator} {_OVER[effect.sharing]}"
    if effect.saved is None or effect.cost is None:
        saved = "" if effect.saved is None else f" saved {_saved(effect)}; its cost is unknown"
        return f"{subject}{saved}: {effect.reason}."
    is_gain = round(100 * effect.cost, 1) < 0
    sign = -1 if is_gain else 1
    ends = sorted((sign * effect.low, sign * effect.high))
    interval = f"95 % interval {_points(ends[0])} to {_points(ends[1])}"
    count = f"n = {effect.num_shared} networks with sharing and {effect.num_unshared} without"
    verdict = " The interval contains zero." if effect.low <= 0 <= effect.high else ""
    return (
        f"{subject} saved {_saved(effect)} and {'gained' if is_gain else 'cost'} "
        f"{_points(sign * effect.cost)} points of accuracy ({interval}, {count}).{verdict}"
    )


def _saved(effect: SharingEffect) -> str:
    assert effect.saved is not None
    low, middle, high = (f"{100 * share:.0f}" for share in effect.saved)
    spread = f" (median; {low} to {high} %)" if low != high else ""
    return f"{middle} % of the parameters{spread}"


def _points(share: float) -> str:
    """Return a difference in percentage points; a negative one has a minus sign."""
    points = round(100 * share, 1)
    return f"−{abs(points):.1f}" if points < 0 else f"{abs(points):.1f}"
