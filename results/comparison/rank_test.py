"""The Mann-Whitney U test of two methods, with effect size and corrected p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ALPHA = 0.05
"""The level of significance, after the correction for several pairs of methods."""
MOST_PERMUTATIONS = 20_000
"""With ties and at most so many permutations, the p-value comes from all of them; else it is asymptotic."""


@dataclass(frozen=True)
class RankTest:
    """The comparison of the values of two methods, a and b.

    Attributes:
        num_a: Values of a.
        num_b: Values of b.
        effect: ``P(a > b) + P(a = b) / 2``, the effect size A of Vargha and Delaney: 0.5 is no difference, 1 means
            that each value of a is larger.
        p_value: Two-sided p-value; None if there are too few values, see ``smallest_p``.
    """

    num_a: int
    num_b: int
    effect: float
    p_value: float | None


def smallest_p(num_a: int, num_b: int) -> float:
    """Return the smallest two-sided p-value that so many values without ties can have.

    It is 2 / C(num_a + num_b, num_a). If it is above ``ALPHA``, no result can be significant.
    """
    return min(1.0, 2 / math.comb(num_a + num_b, num_a))


def rank_test(a: Sequence[float], b: Sequence[float]) -> RankTest:
    """Return the two-sided Mann-Whitney U test of two samples, each with one or more values.

    The p-value is exact without ties, and with few values. It is None if ``smallest_p`` is above ``ALPHA``.
    """
    pairs = [(x > y) + (x == y) / 2 for x in a for y in b]
    effect = sum(pairs) / len(pairs)
    if smallest_p(len(a), len(b)) > ALPHA:
        return RankTest(len(a), len(b), effect, None)
    return RankTest(len(a), len(b), effect, _p_value(a, b))


def _p_value(a: Sequence[float], b: Sequence[float]) -> float:
    from scipy.stats import PermutationMethod, mannwhitneyu

    values = [*a, *b]
    if len(set(values)) == 1:
        return 1.0
    method: object = "exact"
    if len(set(values)) < len(values):
        few = math.comb(len(values), len(a)) <= MOST_PERMUTATIONS
        method = PermutationMethod(n_resamples=math.inf) if few else "asymptotic"
    return float(mannwhitneyu(a, b, alternative="two-sided", method=method).pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected for their number (Holm 1979); None stays None and does not count."""
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - rank)))
        corrected[place] = highest
    return corrected
