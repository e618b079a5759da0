"""Clocks: the time of day jumps; the study's clock does not."""

from __future__ import annotations

import subprocess
import sys

from results.open import open_study
from results.storage.reading import reading_ledger
from tests.faults.small_search import SmallSearch

CODE = """
import os, time
real = time.time
time.time = lambda: real() - 86_400 * os.path.exists("set back")
from search.cli.main import main
main()
"""


def test_time_of_day_that_is_set_back_changes_no_duration(search: SmallSearch) -> None:
    """The driver's time of day falls by a day during the search."""
    with (search.home / "stderr.txt").open("wb") as stderr:
        search.process = subprocess.Popen(
            [sys.executable, "-P", "-c", CODE, "search", "tiny.toml"],
            cwd=search.home,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
    search.wait_for_epochs(3)
    (search.home / "set back").touch()
    assert search.wait() == 0, search.stderr
    search.check_end_of_run()
    search.check_books({})
    with reading_ledger(search.folder) as ledger:
        times = [one.clock_s for one in ledger.timeline()]
        (begun,), (ended,) = ledger.events("begin"), ledger.events("end")
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < 600
    assert ended[0] < begun[0], "the clock was not set back"
    assert open_study(search.folder).searched_s < 600
