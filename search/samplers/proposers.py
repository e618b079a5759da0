"""Proposers by the name of their sampler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.samplers.base import Proposer
from search.samplers.optuna import SamplerName
from space.search_space import SearchSpace

if TYPE_CHECKING:
    from search.frontier.models.transferred_prior import EarlierTrial


def make_proposer(
    sampler: SamplerName,
    space: SearchSpace,
    seed: int,
    rungs: Sequence[int] = (),
    earlier: Sequence[EarlierTrial] = (),
    costs: Sequence[str] = ("params",),
) -> Proposer:
    """Return what proposes networks of ``space`` in a study of this seed, rungs and costs.

    The frontier sampler learns from the trials of an ``earlier`` study.
    """
    if sampler == "frontier":
        from search.frontier.models.transferred_prior import EarlierStudy
        from search.samplers.frontier import FrontierProposer

        return FrontierProposer(space, seed, rungs, EarlierStudy(earlier), costs)
    from search.samplers.optuna_proposer import OptunaProposer

    return OptunaProposer(space, sampler, seed, rungs[-1] if rungs else 1, costs)
