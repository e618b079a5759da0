"""The choice of paused trainings to resume, without competition."""

from __future__ import annotations

import numpy as np
import pytest

from search.frontier.acquisition import Acquisition
from search.frontier.config import DEFAULTS
from search.frontier.engine import Decision, Engine
from search.frontier.observation import Observation
from search.samplers.network_points import NetworkPoints
from space.config import SpaceConfig
from space.search_space import SearchSpace

EPOCHS = 9
NUM_COMPLETE = 8


def decision(*paused_after: int) -> Decision:
    """Return what is decided after eight whole trainings and some that are paused after these epochs."""
    space = SearchSpace(SpaceConfig.model_validate({"levels": 2, "c_u": list(range(2, 12)), "c_f": "c_u"}))
    source = NetworkPoints(space, lambda arch, _training: arch, lambda counts: (float(counts.params),))
    points = source.enumerate(10_000)
    assert points is not None
    observations = []
    for place, point in enumerate(points[: NUM_COMPLETE + len(paused_after)]):
        is_paused = place >= NUM_COMPLETE
        seen = paused_after[place - NUM_COMPLETE] if is_paused else EPOCHS
        errors = {epoch: 0.9 - 0.03 * epoch - 0.01 * place for epoch in range(1, seen + 1)}
        observations.append(
            Observation(point, "paused" if is_paused else "complete", errors, point.costs, EPOCHS)
        )
    engine = Engine(0, rungs=(1, 3, EPOCHS))
    return engine.decide(source, observations, len(observations), may_start=False)


@pytest.mark.parametrize(
    ("shares", "goes_on"),
    [
        ((0.7, 3.0), NUM_COMPLETE + 1),  # the first has more to come for its time, but not enough in all
        ((1.5, 3.0), NUM_COMPLETE),
        ((0.7, 0.9), None),
    ],
)
def test_of_those_worth_it_the_one_with_most_for_its_time_goes_on(
    shares: tuple[float, float], goes_on: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``shares`` is what each promises, in parts of what is worth it; the first has hardly any time left."""

    def improvement(acquisition: Acquisition, *_inputs: object) -> np.ndarray:
        return DEFAULTS.min_relative_hvi * acquisition.hypervolume * np.array(shares)

    monkeypatch.setattr(Acquisition, "improvement_of_trainings", improvement)
    paused = [NUM_COMPLETE, NUM_COMPLETE + 1]
    assert decision(8, 1).best_to_continue(paused) == goes_on
