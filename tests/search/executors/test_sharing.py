"""Jobs that share a device: one that runs out of memory beside others runs again alone, other devices go on."""

from __future__ import annotations

import dataclasses

import pytest

from search.executors.messages import Job
from search.executors.sharing import DeviceSharing
from tests.support.stripes import RECIPE, SPEC

TWO_GPUS = {number: number % 2 for number in range(6)}  # slots 0, 2, 4 and slots 1, 3, 5


def job(trial: int, **changes: int | bool) -> Job:
    made = Job(trial, SPEC.to_dict(), RECIPE, trial, f"{trial}.safetensors", f"{trial}.checkpoint")
    return dataclasses.replace(made, **changes)


@pytest.fixture
def sharing() -> DeviceSharing:
    """Two GPUs; jobs 0, 1 and 2 run in the slots of these numbers."""
    made = DeviceSharing(TWO_GPUS)
    for number in range(3):
        made.begin(number, job(number))
    return made


def is_open(sharing: DeviceSharing) -> list[bool]:
    return [sharing.is_open(slot) for slot in range(6)]


def test_job_out_of_memory_beside_another_closes_its_gpu_only(sharing: DeviceSharing) -> None:
    assert all(is_open(sharing))
    assert sharing.end(2, job(2), is_memory=True)
    assert is_open(sharing) == [False, True] * 3


def test_kept_job_waits_for_the_end_of_running_jobs_and_then_runs_alone(sharing: DeviceSharing) -> None:
    sharing.end(2, job(2, known_epochs=3), is_memory=True)
    assert sharing.take_alone([2, 4, 3, 5]) == []
    assert not sharing.end(0, job(0))
    assert sharing.take_alone([3, 4, 0, 2]) == [(4, job(2, known_epochs=3, is_alone=True))]
    sharing.begin(4, job(2, is_alone=True))
    assert is_open(sharing) == [False, True] * 3
    assert sharing.take_alone([0, 2]) == []
    assert not sharing.end(4, job(2, is_alone=True))
    assert all(is_open(sharing))


def test_job_out_of_memory_alone_has_failed(sharing: DeviceSharing) -> None:
    assert not sharing.end(1, job(1), is_memory=True)  # the only job of its GPU
    sharing.end(2, job(2), is_memory=True)
    sharing.end(0, job(0))
    ((slot, alone),) = sharing.take_alone([0, 2, 4])
    sharing.begin(slot, alone)
    assert not sharing.end(slot, alone, is_memory=True)
    assert all(is_open(sharing))


def test_job_whose_neighbour_ended_before_it_ran_out_of_memory_is_kept_all_the_same(
    sharing: DeviceSharing,
) -> None:
    sharing.end(0, job(0))
    assert sharing.end(2, job(2), is_memory=True)
    assert sharing.take_alone([0, 2, 4])[0][1].trial == 2


def test_kept_jobs_run_one_after_another(sharing: DeviceSharing) -> None:
    sharing.end(0, job(0), is_memory=True)
    sharing.end(2, job(2), is_memory=True)
    for trial in (0, 2):
        ((slot, alone),) = sharing.take_alone([4, 0, 2])
        assert (slot, alone.trial) == (4, trial)
        sharing.begin(slot, alone)
        assert not sharing.is_open(0)
        sharing.end(slot, alone)
    assert sharing.take_alone([4, 0, 2]) == []
    assert all(is_open(sharing))


def test_job_without_an_image_after_halvings_gets_one_image_alone(sharing: DeviceSharing) -> None:
    sharing.end(2, job(2, micro_batch_halvings=4), is_memory=True)
    sharing.end(0, job(0))
    ((_, alone),) = sharing.take_alone([0])
    assert alone.micro_batch_halvings == 3


@pytest.mark.parametrize(("is_memory", "runs_alone_again"), [(True, False), (False, True)])
def test_job_that_was_killed_for_its_memory_alone_is_not_kept_again(
    sharing: DeviceSharing, is_memory: bool, runs_alone_again: bool
) -> None:
    """The driver submits the job of a dead worker again; a death for another reason says nothing of memory."""
    sharing.end(2, job(2), is_memory=True)
    sharing.end(0, job(0))
    ((slot, alone),) = sharing.take_alone([0])
    sharing.begin(slot, alone)
    sharing.lose(slot, alone, is_memory=is_memory)
    assert all(is_open(sharing))
    sharing.begin(0, job(0))
    sharing.begin(2, job(2))
    assert sharing.end(2, job(2), is_memory=True) == runs_alone_again


def test_job_that_paused_may_run_alone_once_more(sharing: DeviceSharing) -> None:
    sharing.end(2, job(2), is_memory=True)
    sharing.end(0, job(0))
    ((slot, alone),) = sharing.take_alone([0])
    sharing.begin(slot, alone)
    sharing.end(slot, alone)  # at its rung
    sharing.begin(0, job(0))
    sharing.begin(2, job(2))
    assert sharing.end(2, job(2), is_memory=True)


def test_slot_given_up_hands_its_job_on_and_one_that_ran_alone_stays_with_its_gpu(
    sharing: DeviceSharing,
) -> None:
    assert sharing.give_up(0, job(0)) == [job(0)]
    sharing.begin(4, job(4))
    sharing.end(2, job(2), is_memory=True)
    sharing.end(4, job(4))
    ((slot, alone),) = sharing.take_alone([2])
    sharing.begin(slot, alone)
    assert sharing.give_up(slot, alone) == []
    assert sharing.take_alone([4]) == [(4, alone)]


def test_gpu_without_slots_hands_its_kept_jobs_on(sharing: DeviceSharing) -> None:
    sharing.end(2, job(2), is_memory=True)
    for slot in (2, 4):
        assert sharing.give_up(slot, None) == []
    assert sharing.give_up(0, job(0)) == [job(0), job(2)]
    assert sharing.take_alone([1, 3, 5]) == []


def test_slots_on_cores_share_the_machine() -> None:
    sharing = DeviceSharing(dict.fromkeys(range(3)))
    sharing.begin(0, job(0))
    sharing.begin(1, job(1))
    assert sharing.end(1, job(1), is_memory=True)
    assert not any(sharing.is_open(slot) for slot in range(3))
