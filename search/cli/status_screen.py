"""The status of a study on a terminal, redrawn in place."""

from __future__ import annotations

from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from results.open import Study
from results.status_text import (
    RUNG_COLUMNS,
    front_text,
    given_up_text,
    left_text,
    rate_text,
    since_text,
    state_text,
    worker_text,
)
from results.study_status import COUNTS

_BAR_WIDTH = 30


class Screen:
    """A context in which ``show`` redraws the status of a study on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._live = Live(console=Console(file=stream), auto_refresh=False, redirect_stderr=False)

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, study: Study, facts: dict[str, Any]) -> None:
        """Redraw the status."""
        self._live.update(status_renderable(study, facts), refresh=True)


def status_renderable(study: Study, facts: dict[str, Any]) -> Group:
    """Return the status of a study for rich; the workers come last, which a low terminal cuts off."""
    parts: list[RenderableType] = [Text(state_text(study, facts), style="bold"), _facts_table(study, facts)]
    if facts["is_running"]:
        if len(facts["rungs"]) > 1:
            parts += ["", _rungs_table(facts["rungs"])]
        parts += ["", _workers_table(facts)]
    return Group(*parts)


def _facts_table(study: Study, facts: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    bar = Table.grid(padding=(0, 2))
    done = Text(f"{facts['finished']} of {facts['trials']}")
    bar.add_row(ProgressBar(max(facts["trials"], 1), facts["finished"], width=_BAR_WIDTH), done)
    table.add_row("trials", bar)
    others = [f"{facts[key]} {key}" for key in COUNTS[2:-1] if facts[key]]
    table.add_row("of them", Text(", ".join(others) or "none in progress, none failed"))
    table.add_row("epochs", Text(f"{facts['epochs']:,}"))
    table.add_row("front", Text(front_text(facts)))
    if facts["is_running"]:
        for one in facts["given_up"]:
            table.add_row("given up", Text(given_up_text(one), style="red"))
        table.add_row("rate", Text(rate_text(facts)))
        table.add_row("time left", Text(left_text(facts, study.header.hours)))
    return table


def _rungs_table(rungs: list[dict[str, int]]) -> Table:
    table = Table("rung", box=None, header_style="dim", pad_edge=False)
    for column in RUNG_COLUMNS:
        table.add_column(column, justify="right")
    for rung in rungs:
        table.add_row(f"epoch {rung['epochs']}", *(str(rung[column]) for column in RUNG_COLUMNS))
    return table


def _workers_table(facts: dict[str, Any]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("worker", "trial", "epoch", "since", "parameters"):
        table.add_column(name, justify="left" if name in ("worker", "since") else "right", no_wrap=True)
    table.add_column("network", no_wrap=True, overflow="ellipsis", ratio=1)
    trainings = sorted(facts["running_trials"], key=lambda one: (one["worker"] is None, one["worker"]))
    for one in trainings:
        epochs = f"{one['epochs']}/{one['max_epochs']}"
        since = "its worker hangs" if one["silent"] else since_text(one)
        table.add_row(
            worker_text(one).removeprefix("worker "),
            str(one["trial"]),
            epochs,
            since,
            f"{one['params']:,}",
            Text(one["network"]),
            style="red" if one["silent"] else None,
        )
    busy = {one["worker"] for one in trainings}
    for worker in range(1, facts["workers"] + 1):
        if worker not in busy:
            table.add_row(str(worker), "-", "", "no training", "", "", style="dim")
    return table
