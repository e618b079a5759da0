"""Signals to workers, to the driver, and to both, at random moments."""

from __future__ import annotations

import random
import time
from signal import SIGINT, SIGKILL, SIGTERM, Signals

import pytest

from tests.faults.small_search import SmallSearch

CODES = {SIGINT: 130, SIGTERM: 143, SIGKILL: -SIGKILL}
SEEDS = {"worker": 11, "driver": 12, "both": 13}


@pytest.mark.parametrize("victims", SEEDS)
def test_signals_at_random_moments_lose_nothing(search: SmallSearch, victims: str) -> None:
    rng = random.Random(SEEDS[victims])
    print(f"seed {SEEDS[victims]}")  # noqa: T201
    before: dict[int, list[tuple[int, float, float]]] = {}
    num_blows = 0
    for blows in ([SIGKILL], [SIGTERM], [SIGINT], [SIGINT, SIGINT]):
        if (study := search.study()) is not None and study.complete:
            break  # a fast machine is done before the last blows
        search.start()
        search.wait_for_workers(1)  # the last trial needs no second one
        time.sleep(rng.uniform(0, 6))
        if search.process is None or search.process.poll() is not None:
            break
        for blow in blows:
            num_blows += 1
            strike(search, victims, blow, rng)
            time.sleep(rng.uniform(0, 1))
        if victims == "worker":
            time.sleep(rng.uniform(1, 4))
            search.send(search.driver, SIGKILL)
            search.wait()
        else:
            assert search.wait() in (CODES[blows[0]], 0), search.stderr
        search.check_end_of_run()
        now = search.curves()
        assert all(now[trial][: len(epochs)] == epochs for trial, epochs in before.items())
        before = now
    assert num_blows >= 1
    search.finish(before)


def strike(search: SmallSearch, victims: str, blow: Signals, rng: random.Random) -> None:
    workers = search.workers()
    if victims != "driver" and workers:
        search.send(rng.choice(workers), blow)
    if victims != "worker":
        search.send(search.driver, blow)


@pytest.mark.parametrize("blow", [SIGKILL, SIGTERM, SIGINT])
def test_worker_that_gets_a_signal_is_replaced_and_named(search: SmallSearch, blow: Signals) -> None:
    search.start()
    search.wait_for_epochs(3)
    search.send(search.busy_worker(), blow)
    search.wait_until_said(
        f"its worker was killed by signal {int(blow)}; it resumes from its last checkpoint"
    )
    before = search.curves()
    assert search.wait() == 0, search.stderr
    search.check_end_of_run()
    search.check_books(before)
    (lost,) = [job for job in search.logged("job_ended") if job["outcome"] == "lost"]
    assert lost["reason"] == f"its worker was killed by signal {int(blow)}"
