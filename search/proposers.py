"""Proposers by the name of their sampler."""

from __future__ import annotations

from collections.abc import Sequence

from search.proposer import Proposer
from search.samplers import SamplerName
from space.search_space import SearchSpace


def make_proposer(sampler: SamplerName, space: SearchSpace, seed: int, rungs: Sequence[int] = ()) -> Proposer:
    """Return what proposes networks of ``space`` in a study of this seed, with these rungs."""
    if sampler == "frontier":
        from search.frontier_proposer import FrontierProposer

        return FrontierProposer(space, seed, rungs)
    from search.optuna_proposer import OptunaProposer

    return OptunaProposer(space, sampler, seed)
