"""When failed trials end a run: the cause then affects all trials, as a broken environment does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from results.storage.records import TrialRecord

_FIGURE = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?|\b(nan|inf)\b")


@dataclass(frozen=True)
class FailureLimits:
    """The numbers of failed trials in a row that end a run.

    After a success in this run, no number of failures ends it: then the networks fail, not the machine.

    Attributes:
        num: Of any reasons, in a study without any success.
        num_equal: Of the same reason, in a study without any success.
        num_equal_at_start: Of the same reason from the start of a run, in a study with successes of earlier runs:
            the environment may have changed between two runs.
    """

    num: int = 10
    num_equal: int = 5
    num_equal_at_start: int = 10


class FailureStreak:
    """The failed trials in a row of one run.

    Args:
        records: The trials of earlier runs.
        limits: The numbers that end a run.
    """

    def __init__(self, records: Iterable[TrialRecord], limits: FailureLimits | None = None) -> None:
        self._limits = limits or FailureLimits()
        self._reasons: list[str] = []
        self._had_success = any(one.state in ("complete", "paused", "stopped") for one in records)
        self._has_success = False

    def succeed(self) -> None:
        """Record a trial that reached a rung or its end."""
        self._reasons.clear()
        self._has_success = True

    def fail(self, reason: str) -> None:
        """Record a failed trial."""
        self._reasons.append(reason)

    def why_to_end(self) -> str | None:
        """Return why the run must end; None if it continues."""
        reasons, limits = self._reasons, self._limits
        if self._has_success or not reasons:
            return None
        kinds = [_FIGURE.sub("0", reason) for reason in reasons]
        num_equal = next((n for n, kind in enumerate(reversed(kinds)) if kind != kinds[-1]), len(kinds))
        if num_equal >= (limits.num_equal_at_start if self._had_success else limits.num_equal):
            return f"{num_equal} trials failed in a row for the same reason: {reasons[-1]}"
        if len(reasons) >= limits.num and not self._had_success:
            return f"{len(reasons)} trials failed in a row, the last with: {reasons[-1]}"
        return None
