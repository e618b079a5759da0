"""Where a search stands at one moment, as figures and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from results.forecast import Activity, Forecast, forecast, overshoot_text
from results.front import FrontHistory, accuracy
from search.study.config import StudyConfig
from search.study.trials import Trials
from space.core.text import duration, figure, plural

MOST_RUNNING = 4
"""Trials that the state names; more are counted."""


@dataclass(frozen=True)
class Snapshot:
    """Where a search stands; ``running`` are (trial, epochs done, epochs of the recipe)."""

    done: int
    total: int
    failed: int
    front_size: int
    hypervolume: float
    best_accuracy: float | None
    forecast: Forecast
    epochs_per_min: float | None = None
    running: tuple[tuple[int, int, int], ...] = ()
    hours: float | None = None
    is_spent: bool = False

    def text(self) -> str:
        """Return the figures in words, for one line."""
        best = "-" if self.best_accuracy is None else f"{100 * self.best_accuracy:.2f} %"
        parts = [f"left {duration(self.forecast.left_s)}", f"best {best}", f"front {self.front_size}"]
        if self.epochs_per_min is not None:
            parts.append(f"{self.epochs_per_min:.3g} epochs/min")
        if self.failed:
            parts.append(f"failed {self.failed}")
        if self.running:
            parts.append(self._running_text())
        return ", ".join([*parts, f"hypervolume {self.hypervolume:.4f}"])

    def _running_text(self) -> str:
        if len(self.running) > MOST_RUNNING:
            return f"{len(self.running)} running"
        trials = [f"{trial} at epoch {epochs}/{of}" for trial, epochs, of in self.running]
        return f"running: trial {', '.join(trials)}"

    def expectation(self, *, is_corrected: bool = False) -> str:
        """Return the expected duration, epochs and energy, and how far the hours asked for are exceeded.

        Args:
            is_corrected: Whether an earlier expectation was much too short.
        """
        text = f"expected duration: about {duration(self.forecast.left_s)}{' more' if is_corrected else ''}"
        if self.hours is None:  # the hours may end a search long before its trials
            text += f", up to {plural(math.ceil(self.forecast.epochs), 'epoch')}"
            if self.forecast.energy_j is not None:
                text += f", {figure(self.forecast.energy_j / 3600)} Wh"
        if self.hours is not None and self.forecast.over_s >= 1:
            text += f"; {overshoot_text(self.hours, self.forecast)}"
        return f"{text}; epochs take longer than predicted" if is_corrected else text


@dataclass(frozen=True)
class Moment:
    """A moment of a search.

    Attributes:
        clock_s: The time on the study's clock.
        is_spent: Whether a budget is spent.
        silent: Trials whose workers hang.
    """

    clock_s: float
    is_spent: bool
    silent: frozenset[int] = frozenset()


def snapshot(
    config: StudyConfig, trials: Trials, found: FrontHistory, activity: Activity, moment: Moment
) -> Snapshot:
    """Return the state of a search at a moment.

    The time left excludes silent trials; it is unknown if only silent trials run.

    Args:
        config: The configuration of the study.
        trials: The trials so far.
        found: The front so far.
        activity: The activity of this run.
        moment: The moment.
    """
    silent = moment.silent
    records, done = list(trials.records.values()), trials.num_ended
    going_on = [replace(one, state="paused") if one.number in silent else one for one in records]
    active = replace(activity, workers=max(1, activity.workers - len(silent)))
    expected = forecast(trials.header, going_on, trials.curves, active, moment.clock_s)
    if silent and not expected.left_s:
        expected = Forecast(None)
    return Snapshot(
        done=done,
        total=max(config.search.trials, done),
        failed=sum(record.state == "failed" for record in trials.searched),
        front_size=len(found.front),
        hypervolume=found.hypervolume,
        best_accuracy=max(map(accuracy, found.front), default=None),
        forecast=expected,
        epochs_per_min=activity.epochs_per_min(moment.clock_s),
        running=tuple((r.number, r.epochs, r.max_epochs) for r in records if r.state == "running"),
        hours=config.search.hours,
        is_spent=moment.is_spent,
    )
