"""The front as a still picture: SVG text without a drawing library, for a README or a slide."""

from __future__ import annotations

import html
import math
from pathlib import Path

from results.front import accuracy, complete_trials, knee
from results.records import TrialRecord
from results.scales import Range, accuracies, focus_range, linear_ticks, log_range, log_ticks, short_count
from results.study import StudyResults
from space.files import write_atomic

_WIDTH, _HEIGHT = 820, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 26, 74, 56

# the card is painted too: where a site's theme differs from the reader's system, it still reads
_STYLE = """
  .card { fill: #ffffff; stroke: #d8dee5 } .grid { stroke: #e8ecf0 } .axis { stroke: #c9d1da }
  text { fill: #4d5b6b; font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif }
  .title { fill: #16202c; font-size: 17px; font-weight: 600 } .label { fill: #16202c; font-size: 12.5px }
  .halo { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
  .other { fill: #b3bdc8 } .wash { fill: #0b6bcb; fill-opacity: 0.08 }
  .front { fill: #0b6bcb; stroke: #ffffff; stroke-width: 1.5 }
  .line { fill: none; stroke: #0b6bcb; stroke-width: 2.2; stroke-linejoin: round }
  .knee { fill: none; stroke: #d9480f; stroke-width: 2.5 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #151b23; stroke: #2d3742 } .grid { stroke: #26303a } .axis { stroke: #3a4653 }
    text { fill: #a3b0be } .title, .label { fill: #e8edf2 } .halo { stroke: #151b23 }
    .other { fill: #5f6d7b } .wash { fill: #58a6ff; fill-opacity: 0.12 }
    .front { fill: #58a6ff; stroke: #151b23 } .line { stroke: #58a6ff } .knee { stroke: #ff8f4d }
  }
"""


class _Frame:
    """Where parameters and accuracies (in per cent) lie in the picture, in pixels."""

    def __init__(self, x: Range, y: Range) -> None:
        self.x_range, self.y_range = x, y

    def x(self, params: float) -> float:
        low, high = self.x_range
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (math.log10(params) - low) / (high - low)

    def y(self, percent: float) -> float:
        low, high = self.y_range
        share = (percent - low) / (high - low)
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share


def write_front_svg(study: StudyResults, path: Path) -> Path:
    """Write the front over all complete trials as an SVG picture to ``path`` and return the path."""
    return write_atomic(path, front_svg(study))


def front_svg(study: StudyResults) -> str:
    """Return the picture as SVG text: light and dark, without a script or an outside resource.

    Trials far below the rest lie outside it and are counted in its subtitle.
    """
    complete = complete_trials(study.records)
    y_range = focus_range(accuracies(complete), keep=accuracies(study.front_records))
    frame = _Frame(log_range([t.params for t in complete]), y_range)
    shown = [t for t in complete if 100 * accuracy(t) >= y_range[0]]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-label="{_escape(f"Pareto front of the study {study.name}")}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{_HEIGHT - 1}" rx="12"/>',
        *_heading(study, len(complete), len(complete) - len(shown)),
        *_axes(frame),
        *(_dot(frame, trial, "other", 3.4) for trial in shown if trial not in study.front_records),
        *_front(frame, study.front_records, shown),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _escape(text: str) -> str:
    # XML has no way to write control characters, not even escaped
    return html.escape("".join(character if character >= " " else " " for character in text))


def _heading(study: StudyResults, num_complete: int, num_hidden: int) -> list[str]:
    data = study.header.data.get("name")
    title = f"{study.name}: validation accuracy against parameters"
    facts = [
        f"{num_complete} network{'s' * (num_complete != 1)} trained",
        f"{len(study.front_records)} on the front",
    ]
    if data and str(data) != study.name:
        facts.insert(0, str(data))
    if num_hidden:
        facts.append(f"{num_hidden} below the picture")
    return [
        f'<text class="title" x="{_LEFT - 42}" y="31">{_escape(title)}</text>',
        f'<text x="{_LEFT - 42}" y="52">{_escape(" · ".join(facts))}</text>',
    ]


def _axes(frame: _Frame) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for tick in linear_ticks(*frame.y_range):
        y = frame.y(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g} %</text>')
    for tick in log_ticks(10 ** frame.x_range[0], 10 ** frame.x_range[1]):
        x = frame.x(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 19}" text-anchor="middle">{short_count(tick)}</text>')
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    middle = (_LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 42}" text-anchor="middle">parameters (log scale)</text>')
    return parts


def _front(frame: _Frame, front: list[TrialRecord], shown: list[TrialRecord]) -> list[str]:
    visible = [trial for trial in front if trial in shown]
    if not visible:
        return []
    bottom = _HEIGHT - _BOTTOM
    path = f"M{_x(frame, visible[0]):.1f},{bottom}"
    for trial in visible:
        path += f"H{_x(frame, trial):.1f}V{_y(frame, trial):.1f}"
    path += f"H{frame.x(max(trial.params for trial in shown)):.1f}"
    line = "M" + path.partition("V")[2].join((f"{_x(frame, visible[0]):.1f},", ""))
    parts = [f'<path class="wash" d="{path}V{bottom}Z"/>', f'<path class="line" d="{line}"/>']
    parts += [_dot(frame, trial, "front", 5.5) for trial in visible]
    best = visible[-1]
    parts.append(_label(frame, best, "best"))
    if len(front) > 2 and knee(front) in visible and knee(front) != best:
        parts += [_dot(frame, knee(front), "knee", 10), _label(frame, knee(front), "knee")]
    return parts


def _x(frame: _Frame, trial: TrialRecord) -> float:
    return frame.x(trial.params)


def _y(frame: _Frame, trial: TrialRecord) -> float:
    return frame.y(100 * accuracy(trial))


def _dot(frame: _Frame, trial: TrialRecord, kind: str, radius: float) -> str:
    return f'<circle class="{kind}" cx="{_x(frame, trial):.1f}" cy="{_y(frame, trial):.1f}" r="{radius}"/>'


def _label(frame: _Frame, trial: TrialRecord, kind: str) -> str:
    """Return the label of a point: up and left of it, where no network of the front can be."""
    x, y = _x(frame, trial), _y(frame, trial)
    text = f"{kind}: {100 * accuracy(trial):.1f} %, {short_count(trial.params)}"
    start = x < _LEFT + 150
    place = f'x="{x - 4 if start else x - 12:.1f}" y="{max(y - 14 if start else y - 7, _TOP - 2):.1f}"'
    return (
        f'<text class="label halo" {place} text-anchor="{"start" if start else "end"}">{_escape(text)}</text>'
    )
