"""Samplers by the values of ``search.sampler``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.samplers.optuna import SamplerName
from space.search_space import SearchSpace

if TYPE_CHECKING:
    from results.storage.records import TrialRecord
    from search.frontier.models.transferred_prior import EarlierTrial
    from search.samplers.ask_tell import StudyAskTell
    from search.samplers.base import AskTell, Proposal
    from search.schedulers.base import ContinuationPolicy
    from search.study.config import StudyConfig
    from space.core.reports import EpochReport


class NoSampler:
    """What a study with a plan has in place of a sampler: it proposes no networks."""

    policy: ContinuationPolicy | None = None

    def restore(self, record: TrialRecord, reports: Sequence[EpochReport] = ()) -> None:
        """Do nothing."""

    def report(self, record: TrialRecord, report: EpochReport) -> None:
        """Do nothing."""

    def tell(self, record: TrialRecord) -> None:
        """Do nothing."""

    def ask(self, number: int) -> Proposal | None:
        """Return None."""
        return None


def sampler_of(config: StudyConfig, space: SearchSpace, earlier: Sequence[EarlierTrial] = ()) -> AskTell:
    """Return what proposes the networks of a study in ``space``."""
    from search.study.components import rungs_of

    search = config.search
    if config.plan is not None:
        return NoSampler()
    return make_ask_tell(search.sampler, space, search.seed, rungs_of(config), earlier, search.costs)


def make_ask_tell(
    sampler: SamplerName,
    space: SearchSpace,
    seed: int,
    rungs: Sequence[int] = (),
    earlier: Sequence[EarlierTrial] = (),
    costs: Sequence[str] = ("params",),
) -> StudyAskTell:
    """Return the ask-and-tell interface of a study.

    Args:
        sampler: The name of the sampler.
        space: The search space.
        seed: The seed of the study.
        rungs: Epochs at which trainings may pause, the last of them their end.
        earlier: Trials of an earlier study, for the frontier sampler.
        costs: The objectives besides the error.
    """
    from search.frontier.models.transferred_prior import TransferredPrior
    from search.samplers.ask_tell import StudyAskTell
    from search.samplers.frontier import frontier_sampler
    from search.samplers.network_points import NetworkPoints
    from search.samplers.observations import Observations, identity
    from search.samplers.optuna import optuna_sampler
    from search.study.objectives import counted_costs

    prior = TransferredPrior(earlier) if sampler == "frontier" else None
    points = NetworkPoints(space, identity, counted_costs(costs, space), prior)
    observations = Observations(points, costs, rungs[-1] if rungs else 1)
    if sampler == "frontier":
        return StudyAskTell(space, seed, frontier_sampler(observations, seed, rungs), observations)
    return StudyAskTell(space, seed, optuna_sampler(sampler, seed), observations)
