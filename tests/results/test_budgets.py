"""The text of the spent budget."""

from __future__ import annotations

from typing import Any

import pytest

from results.budgets import what_is_spent
from results.storage.records import TrialRecord
from tests.support.factories import make_header, make_trial

DONE = make_trial(0, started_s=0.0, finished_s=10.0)
PAUSED = make_trial(1, state="paused", val_accuracy=None, epochs=1, started_s=10.0)
RUNNING = make_trial(1, state="running", val_accuracy=None, epochs=1, started_s=10.0)


@pytest.mark.parametrize(
    ("budgets", "trials", "expected"),
    [
        ({"trials": 1}, [DONE], "its one trial is done"),
        ({"trials": 2}, [DONE, make_trial(1)], "all 2 trials are done"),
        ({"trials": 1}, [DONE, make_trial(1)], "1 asked for, 2 trials are done"),
        ({"exhausted": True}, [DONE], "every network of its space within the limits was tried"),
        ({"exhausted": True}, [DONE, PAUSED], None),
        ({"hours": 0.01}, [DONE, PAUSED], "its 0.01 hours are spent"),
        ({"hours": 0.01}, [DONE, RUNNING], None),
        ({"hours": 0.01}, [PAUSED], None),
        ({"hours": 1.0}, [DONE, PAUSED], None),
        ({"epochs": 4}, [DONE, PAUSED], "its 4 epochs are spent"),
        ({"epochs": 5}, [DONE, PAUSED], None),
        ({"patience": 1}, [DONE, PAUSED], "its front has not grown for 1 trial"),
        ({"patience": 2}, [DONE, PAUSED], None),
        ({}, [], None),
        ({"hours": 0.0}, [], None),
        ({"hours": 0.01}, [DONE], "its 0.01 hours are spent"),
    ],
)
def test_what_is_spent(budgets: dict[str, Any], trials: list[TrialRecord], expected: str | None) -> None:
    assert what_is_spent(make_header(**budgets), trials, searched_s=60.0) == expected
