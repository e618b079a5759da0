"""The sampler of a study with a plan: it proposes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from results.storage.records import TrialRecord
from search.samplers.base import Proposal
from search.schedulers.base import ContinuationPolicy
from space.core.reports import EpochReport


class NoSampler:
    """An ``AskTell`` without proposals, for studies that only train named networks."""

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
