"""Device settings: applied during a training, restored afterwards."""

from __future__ import annotations

import pytest
import torch

from trainers.device.execution import StepMode


@pytest.mark.parametrize("benchmark", [False, True])
def test_a_mode_holds_while_it_is_applied(benchmark: bool) -> None:
    def used() -> tuple[int, bool, bool]:
        cudnn = torch.backends.cudnn
        return torch.get_num_threads(), cudnn.benchmark, cudnn.allow_tf32

    before = used()
    mode = StepMode(cudnn_benchmark=benchmark, threads=before[0] + 1)
    with mode.applied():
        within = used()
    assert within == (before[0] + 1, benchmark, False)
    with pytest.raises(KeyboardInterrupt), mode.applied():
        raise KeyboardInterrupt
    assert used() == before


def test_threads_are_left_as_they_are_unless_a_mode_says_how_many() -> None:
    before = torch.get_num_threads()
    with StepMode().applied():
        assert torch.get_num_threads() == before
