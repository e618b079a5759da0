"""The progress of a study as text: counts, front, rungs, workers, rates and the expected end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from results.forecast import Forecast, overshoot_text
from results.study import StudyReader
from results.study_status import COUNTS
from space.core.text import duration, figure, plural

RUNG_COLUMNS = ("reached", "running", "paused", "stopped", "complete")
"""The numbers of trials at a rung, in the order in which they are printed."""
_WIDTH = 12


def status_lines(study: StudyReader, facts: Mapping[str, Any]) -> list[str]:
    """Return the progress of a study as lines; ``facts`` is the result of ``study.status()``."""
    lines = [state_text(study, facts)]
    lines += [_line(key, facts[key]) for key in COUNTS]
    lines.append(_line("front", front_text(facts)))
    if facts["silent"]:
        trials = ", ".join(map(str, facts["silent"]))
        lines.append(_line("silent", f"{len(facts['silent'])} (trials {trials}: their workers hang)"))
    if facts["is_running"]:
        lines += _rung_lines(facts["rungs"])
        lines += [_line("given up", given_up_text(one)) for one in facts["given_up"]]
        lines += [_line(worker_text(one), training_text(one)) for one in facts["running_trials"]]
        lines.append(_line("rate", rate_text(facts)))
        lines.append(_line("time left", left_text(facts, study.header.hours)))
    return lines


def _line(key: str, value: object) -> str:
    return f"  {key:<{_WIDTH}}{value}"


def state_text(study: StudyReader, facts: Mapping[str, Any]) -> str:
    """Return the name of a study and whether it is complete."""
    if study.complete:
        return f"{study.name}: complete: {study.spent}"
    return f"{study.name}: {'not complete, running' if facts['is_running'] else 'not complete'}"


def front_text(facts: Mapping[str, Any]) -> str:
    """Return the size of the front, the best accuracy and the hypervolume."""
    if facts["best_accuracy"] is None:
        return "none yet"
    networks = plural(facts["front_size"], "network")
    return f"{networks}, best {100 * facts['best_accuracy']:.2f} %, hypervolume {facts['hypervolume']:.4f}"


def _rung_lines(rungs: list[dict[str, int]]) -> list[str]:
    if len(rungs) < 2:
        return []
    lines = [_line("rung", "".join(f"{column:>9}" for column in RUNG_COLUMNS))]
    return lines + [
        _line(f"epoch {rung['epochs']}", "".join(f"{rung[column]:>9}" for column in RUNG_COLUMNS))
        for rung in rungs
    ]


def given_up_text(slot: Mapping[str, Any]) -> str:
    """Return why a slot was given up, and the file with the output of its workers."""
    return f"worker {slot['slot']} on {slot['device']} does not start: {slot['reason']}; see {slot['log']}"


def worker_text(training: Mapping[str, Any]) -> str:
    """Return the worker of a running training."""
    return "waiting" if training["worker"] is None else f"worker {training['worker']}"


def training_text(training: Mapping[str, Any]) -> str:
    """Return a running training: its trial, epochs, time and network."""
    since = "" if training["for_s"] is None else f"since {since_text(training)}, "
    silent = "its worker hangs, " if training["silent"] else ""
    return (
        f"trial {training['trial']}: epoch {training['epochs']}/{training['max_epochs']}, {silent}{since}"
        f"{training['params']:,} parameters, {training['network']}"
    )


def since_text(training: Mapping[str, Any]) -> str:
    """Return the time of day when the job of a worker began, and its duration; empty while it waits."""
    if training["for_s"] is None:
        return ""
    return f"{_clock_text(-training['for_s'])} ({duration(training['for_s'])})"


def rate_text(facts: Mapping[str, Any]) -> str:
    """Return the rates of epochs and trials."""
    rates = {"epochs/h": facts["epochs_per_hour"], "trials/h": facts["trials_per_hour"]}
    return ", ".join(f"{'?' if rate is None else figure(rate)} {unit}" for unit, rate in rates.items())


def left_text(facts: Mapping[str, Any], hours: float | None) -> str:
    """Return the remaining time, the expected end, and by how much it exceeds the budget of hours."""
    left_s = facts["left_s"]
    if left_s is None:
        return "?"
    text = f"{duration(left_s)} (until {_clock_text(left_s)})"
    if hours is not None and facts["over_hours_s"] >= 1:
        text += f"; {overshoot_text(hours, Forecast(left_s, facts['over_hours_s']))}"
    return text


def _clock_text(from_now_s: float) -> str:
    """Return the local time of day so many seconds from now, with the date if it is another day."""
    now = datetime.now().astimezone()
    then = now + timedelta(seconds=min(from_now_s, 10 * 365 * 86_400.0))
    return f"{then:%H:%M:%S}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"
