"""The initial design: the first trials cover all sizes and differ from each other."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from search.frontier.config import DEFAULTS

Array = NDArray[np.float64]


def place_on_scale(index: int) -> float:
    """Return the place of trial ``index`` on the scale of the first cost: 1/2, 0, 1/4, 3/4, 1/8, ...

    The place is never 1: the largest network takes longest and adds little hypervolume.
    """
    return (0.5, 0.0)[index] if index < 2 else van_der_corput(index)


def van_der_corput(index: int) -> float:
    """Return element ``index`` of the base-2 van der Corput sequence 0, 1/2, 1/4, 3/4, ..."""
    value, denominator = 0.0, 1.0
    while index:
        index, bit = divmod(index, 2)
        denominator *= 2
        value += bit / denominator
    return value


def choose_initial(
    costs: Array,
    x: Array,
    observed: Array,
    place: float,
    rng: random.Random,
    prior_errors: Array | None = None,
) -> int:
    """Return the row of the next initial point.

    The nearest candidates to ``place`` are considered. With prior errors, the lowest of them wins. Otherwise some are
    drawn at random, and the one farthest from all observations wins.

    Args:
        costs: Known costs of the candidates, n x c; n x 0 if none are known.
        x: The candidates as rows, n x d.
        observed: The observations as rows, m x d.
        place: The wanted place between the lowest (0) and the highest (1) first cost.
        rng: Draws the candidates to consider.
        prior_errors: Errors that an earlier study predicts, n.
    """
    order = np.arange(len(x))
    if costs.shape[1]:
        low, high = costs[:, 0].min(), costs[:, 0].max()
        order = np.argsort(np.abs(costs[:, 0] - (low + place * (high - low))), kind="stable")
        order = order[: 1 if place == 0.0 else DEFAULTS.initial_nearest]
    if prior_errors is not None:
        return int(order[int(np.argmin(prior_errors[order]))])
    most = DEFAULTS.initial_considered * (1 if costs.shape[1] else 8)
    drawn = np.array(rng.sample(order.tolist(), min(len(order), most)))
    if not len(observed) or len(drawn) == 1:
        return int(drawn[0])
    distances = ((x[drawn][:, None] - observed[None]) ** 2).sum(axis=2).min(axis=1)
    return int(drawn[int(np.argmax(distances))])
