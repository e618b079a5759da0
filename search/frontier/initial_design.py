"""The first trials, before there is anything to learn from: from small to large, and unlike each other."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAREST = 24
"""Candidates nearest to a place on the scale of the first cost."""
CONSIDERED = 8
"""Of these, drawn at random, so many of which the most unlike is taken."""


def place_on_scale(index: int) -> float:
    """Return the index-th place to look at on a scale from 0 to 1: 1/2, 0, 1/4, 3/4, 1/8 and so on.

    Never 1: the largest network takes longest, and adds little to the hypervolume.
    """
    return (0.5, 0.0)[index] if index < 2 else van_der_corput(index)


def van_der_corput(index: int) -> float:
    """Return the index-th number of the base-2 low-discrepancy sequence 0, 1/2, 1/4, 3/4, ..."""
    value, denominator = 0.0, 1.0
    while index:
        index, bit = divmod(index, 2)
        denominator *= 2
        value += bit / denominator
    return value


def spread_out(
    costs: Array,
    knobs: Array,
    tried: Array,
    place: float,
    rng: random.Random,
    hints: Array | None = None,
) -> int:
    """Return the row of the candidate to try.

    Of the candidates nearest to ``place`` between the least and the highest first cost some are drawn, and of
    these it is the one farthest from all ``tried`` (rows like ``knobs``); where no costs are known (n x 0),
    they are drawn from all. At the lower end of the scale it is the very first. Where ``hints`` (n) tell
    something of the errors, it is the most promising of those nearest instead.
    """
    order = np.arange(len(knobs))
    if costs.shape[1]:
        low, high = costs[:, 0].min(), costs[:, 0].max()
        order = np.argsort(np.abs(costs[:, 0] - (low + place * (high - low))), kind="stable")
        order = order[: 1 if place == 0.0 else NEAREST]
    if hints is not None:
        return int(order[int(np.argmin(hints[order]))])
    most = CONSIDERED if costs.shape[1] else 8 * CONSIDERED
    drawn = np.array(rng.sample(order.tolist(), min(len(order), most)))
    if not len(tried) or len(drawn) == 1:
        return int(drawn[0])
    apart = ((knobs[drawn][:, None] - tried[None]) ** 2).sum(axis=2).min(axis=1)
    return int(drawn[int(np.argmax(apart))])
