"""The picture and the tables of a certified CIFAR-10 front, beside published networks.

    python -m benchmarks.frontier_page STUDY --picture docs/images/cifar10-frontier.svg

Prints Markdown for docs/experiments/cifar10-frontier.md: each certified network with its test accuracy, interval and
training operations; what dominates each network of comparison; and the cost of the search and of the certification.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import mgnas
from results.certification.certification import Certification
from results.certification.records import CertifiedNetwork, DominatedReference
from results.plots.axes import log_range, log_ticks, percent_ticks
from results.plots.svg import STYLE, Axis, SvgChart
from space.core.atomic_files import write_atomic
from space.core.text import short_count

STYLE_OF_PAGE = f"""{STYLE}
  .published {{ fill: #7a5195 }} .reference {{ fill: #d9480f }}
  .interval {{ stroke: #0b6bcb; stroke-width: 1.6 }} .of-reference {{ stroke: #d9480f; stroke-width: 1.6 }}
"""


class Published(NamedTuple):
    """A network from the literature, trained from scratch by its authors' own recipe."""

    name: str
    params: int
    accuracy: float
    source: str


PUBLISHED = (
    Published("ThriftyNet", 40_000, 0.910, "Coiffier et al. 2020: above 91 %"),
    Published("ResNet-8", 78_666, 0.850, "MLPerf Tiny, Banbury et al. 2021"),
    Published("Tiniest", 97_530, 0.944, "200 epochs, AdamW, mixup, EMA"),
    Published("CondenseNet", 220_000, 0.938, "Huang et al. 2018"),
    Published("ResNet-20", 270_000, 0.9125, "He et al. 2016"),
    Published("ZenNet", 500_000, 0.962, "Lin et al. 2021, 1,440 epochs"),
    Published("CondenseNet", 520_000, 0.949, "Huang et al. 2018"),
    Published("DenseNet-BC-100-12", 800_000, 0.955, "Huang et al. 2017"),
    Published("ZenNet", 2_000_000, 0.975, "Lin et al. 2021, 1,440 epochs"),
    Published("MgNet-256-B^l", 8_280_000, 0.960, "He & Xu 2019"),
)


def picture(certification: Certification, title: str) -> str:
    """Return the chart of test accuracy against parameters as SVG text."""
    ours = [network for network in certification.networks if network not in certification.compared]
    low, high = (10.0**power for power in log_range([*(n.params for n in certification.networks), *_sizes()]))
    bottom = min([network.test.low for network in certification.networks]) * 100
    bottom = 5 * (bottom // 5)
    chart = SvgChart(
        Axis(low, high, log_ticks(low, high), short_count, "parameters (log scale)", is_log=True),
        Axis(bottom, 100.0, percent_ticks(bottom, 100.0), "{:g} %".format),
        style=STYLE_OF_PAGE,
    )
    names = _Names(chart)
    for place in [
        *((one.params, 100 * one.accuracy) for one in PUBLISHED),
        *((network.params, 100 * network.test.mean) for network in certification.networks),
    ]:
        names.keep_free(*place)
    for one in PUBLISHED:
        chart.point(one.params, 100 * one.accuracy, "published", 4)
        names.add(one.params, 100 * one.accuracy, one.name)
    for network in certification.networks:
        is_ours = network in ours
        ends = [100 * network.test.low, 100 * network.test.high]
        chart.line([network.params] * 2, ends, "interval" if is_ours else "of-reference")
        chart.point(network.params, 100 * network.test.mean, "front" if is_ours else "reference", 4.5)
        if not is_ours:
            names.add(network.params, 100 * network.test.mean, network.name)
    subtitle = "blue: certified front; orange: references, same recipe; purple: published, own recipes"
    return chart.render(title, subtitle, "Certified test accuracy against parameters, with 95 % intervals")


class _Names:
    """Names beside points of a chart: each at the first of several places that is free, else at the first place."""

    PLACES = (
        (9, 4, "start"), (-9, 4, "end"), (9, 18, "start"), (-9, 18, "end"), (9, -9, "start"), (-9, -9, "end"),
        (0, 30, "start"), (0, 30, "end"),
    )  # fmt: skip
    """Shifts from the point in pixels, and the end of the text that is there; the first that is free is taken."""
    LETTER = 7.4
    """Width of a letter in pixels."""

    def __init__(self, chart: SvgChart) -> None:
        self._chart = chart
        self._taken: list[tuple[float, float, float, float]] = []

    def keep_free(self, params: float, percent: float) -> None:
        """Keep the place of a point free."""
        x, y = self._chart.x(params), self._chart.y(percent)
        self._taken.append((x - 5, y - 5, x + 5, y + 5))

    def add(self, params: float, percent: float, text: str) -> None:
        """Add the name of a point."""
        x, y, width = self._chart.x(params), self._chart.y(percent), self.LETTER * len(text)
        boxes = {}
        for right, down, anchor in self.PLACES:
            left = x + right - (width if anchor == "end" else 0)
            boxes[right, down, anchor] = (left, y + down - 10, left + width, y + down + 2)
        free = [place for place, box in boxes.items() if self._is_free(box)]
        right, down, anchor = free[0] if free else self.PLACES[0]
        self._taken.append(boxes[right, down, anchor])
        self._chart.label(x + right, y + down, text, anchor=anchor)

    def _is_free(self, box: tuple[float, float, float, float]) -> bool:
        left, top, right, bottom = box
        overlaps = (left < r and right > x and top < b and bottom > y for x, y, r, b in self._taken)
        return right < self._chart.right and not any(overlaps)


def dominated_line(one: DominatedReference) -> str:
    """Return by what a network of comparison is dominated, as a sentence."""
    if one.by is None or one.difference is None or one.interval is None:
        return f"{one.network.name}: no network of the front is as cheap."
    low, high = (100 * end for end in one.interval)
    return (
        f"{one.network.name}: dominated with probability {one.any_probability:.2f}. `{one.by.notation}` "
        f"({one.by.params:,} parameters) is {100 * one.difference:+.2f} points ({low:+.2f} to {high:+.2f})."
    )


def _sizes() -> list[int]:
    return [one.params for one in PUBLISHED]


def networks_table(networks: Iterable[CertifiedNetwork]) -> str:
    """Return the certified networks as a table in Markdown."""
    lines = [
        "| network | parameters | MACs | test, % | 95 % interval | PFLOP of a training |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in networks:
        pflop = [costs.training_pflop for t in one.trainings if (costs := t.training_costs) is not None]
        name = one.name if one.search_trial is None else f"`{one.notation}`"
        lines.append(
            f"| {name} | {one.params:,} | {one.trainings[0].macs:,} | {100 * one.test.mean:.2f} "
            f"± {100 * one.test.deviation:.2f} | {100 * one.test.low:.1f} to {100 * one.test.high:.1f} | "
            f"{sum(pflop) / max(1, len(pflop)):.3g} |"
        )
    return "\n".join(lines)


def published_table() -> str:
    """Return the published networks as a table in Markdown."""
    rows = [f"| {one.name} | {one.params:,} | {100 * one.accuracy:.2f} | {one.source} |" for one in PUBLISHED]
    return "\n".join(["| network | parameters | test, % | source |", "| --- | --- | --- | --- |", *rows])


def total_pflop(study: mgnas.Study) -> float:
    """Return the operations of all trainings that reached their end."""
    records = [*study.records, *study.references]
    return sum(costs.training_pflop for one in records if (costs := one.training_costs) is not None)


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, help="the folder of a certified study")
    parser.add_argument("--picture", type=Path, help="the file of the picture")
    arguments = parser.parse_args(options)
    study = mgnas.open_study(arguments.study)
    certification = study.certification
    if certification is None:
        parser.error(f"{arguments.study} has no certification: mgnas certify {arguments.study}")
    title = f"{study.name}: {certification.epochs} epochs, {certification.seeds} seeds"
    if arguments.picture:
        write_atomic(arguments.picture, picture(certification, title))
    print(networks_table(certification.networks), "\n")
    for one in certification.dominated:
        print(f"- {dominated_line(one)}")
    print("\n" + published_table())
    certified = mgnas.open_study(certification.folder)
    print(
        f"\nThe search took {study.searched_s / 3600:.1f} h and {total_pflop(study):.2g} PFLOP in whole trainings, the "
        f"certification {certified.searched_s / 3600:.1f} h and {total_pflop(certified):.2g} PFLOP."
    )


if __name__ == "__main__":
    main()
