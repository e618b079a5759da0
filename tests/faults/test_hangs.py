"""Stopped workers and drivers (SIGSTOP), also before the first epoch."""

from __future__ import annotations

import time
from signal import SIGCONT, SIGKILL, SIGSTOP

from tests.faults.small_search import TRIALS, SmallSearch

LIMIT = "search.max_silence_s=10"
"""The shortest limit; heartbeats come every 5 s."""


def test_stopped_worker_is_replaced_and_its_trial_ends(search: SmallSearch) -> None:
    search.start("--set", LIMIT)
    search.wait_for_epochs(3)
    search.send(search.busy_worker(), SIGSTOP)
    before = search.curves()
    search.wait_until_said("its worker was killed, since it sent no heartbeat for ")
    assert search.wait() == 0, search.stderr
    search.check_end_of_run()
    search.check_books(before)
    assert search.num("lose") == 1


def test_worker_that_continues_before_the_limit_loses_nothing(search: SmallSearch) -> None:
    search.start("--set", "search.max_silence_s=60")
    search.wait_for_epochs(3)
    worker = search.busy_worker()
    search.send(worker, SIGSTOP)
    search.wait_until_said("its worker sent no heartbeat for 30 s; the other workers continue")
    search.send(worker, SIGCONT)
    assert search.wait() == 0, search.stderr
    search.check_books({})
    assert search.num("lose") == 0
    assert {job["pid"] for job in search.logged("job_ended")} >= {worker}


def test_worker_that_is_stopped_while_it_loads_is_replaced(search: SmallSearch) -> None:
    search.start("--set", LIMIT)
    search.wait_for_workers()
    worker = search.workers()[0]
    search.send(worker, SIGSTOP)
    search.wait_until(lambda: worker not in search.workers(), "another worker")
    assert search.wait() == 0, search.stderr
    search.check_books({})


def test_stopped_driver_blames_no_worker(search: SmallSearch) -> None:
    search.start("--set", LIMIT)
    search.wait_for_epochs(3)
    search.send(search.driver, SIGSTOP)
    time.sleep(25)
    search.send(search.driver, SIGCONT)
    assert search.wait() == 0, search.stderr
    search.check_books({})
    assert search.num("lose") == search.num("silent") == 0
    assert "heartbeat" not in search.stderr


def test_network_that_stops_its_worker_three_times_fails_with_that_reason(search: SmallSearch) -> None:
    search.start("--set", LIMIT, "--workers", "1", "--set", "train.epochs=60")  # longer than a blow takes
    for losses in range(3):
        search.wait_until(lambda n=losses: search.has_begun(0, restarts=n), "trial 0")
        search.send(search.workers()[0], SIGSTOP)
        search.wait_until(lambda n=losses: search.num("lose") == n + 1, "the loss")
    assert search.wait() == 0, search.stderr
    study = search.check_books({}, failed=1)
    assert str(study.records[0].reason).startswith(
        "3 workers died while training it, the last time its worker was killed, since it sent no heartbeat"
    )
    assert len(study.records) == TRIALS


def test_stopped_worker_does_not_outlive_its_killed_driver(search: SmallSearch) -> None:
    search.start()
    search.wait_for_epochs(2)
    for worker in search.workers():
        search.send(worker, SIGSTOP)
    search.send(search.driver, SIGKILL)
    search.wait()
    before = search.curves()
    search.check_end_of_run()
    search.finish(before)


def test_slot_whose_workers_die_early_is_given_up_and_the_others_finish(search: SmallSearch) -> None:
    search.start()
    killed: set[int] = set()

    def kill_first_slot() -> bool:
        for pid in search.workers():
            if search.slot(pid) == 0 and pid not in killed:
                killed.add(pid)
                search.send(pid, SIGKILL)
        return "is given up, since it does not start" in search.stderr

    search.wait_until(kill_first_slot, "the slot is given up")
    assert search.wait() == 0, search.stderr
    search.check_end_of_run()
    search.check_books({})
    assert (len(killed), search.num("retire"), search.num("lose")) == (3, 1, 0)
    (given_up,) = search.logged("slot_given_up")
    assert (given_up["slot"], given_up["device"], given_up["num_left"]) == (0, "cpu", 1)
    assert {job["slot"] for job in search.logged("job_ended")} == {1}
