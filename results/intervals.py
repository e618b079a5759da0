"""Confidence intervals and standard errors of accuracies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

_ROUNDING = 1e-9


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a binomial proportion.

    It is also valid for proportions of 0 and 1. ``scipy.stats.binomtest`` computes the same interval. It
    requires a whole number of successes, and balanced accuracies have a fractional one. Its import takes a
    second.

    Args:
        share: The observed proportion, from 0 to 1.
        count: The number of observations.

    Returns:
        The lower and the upper end, from 0 to 1.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    z = NormalDist().inv_cdf(0.975)
    scale = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Sampling:
    """The sampling error of accuracies on a finite validation split.

    Attributes:
        num_images: The number of validation images; None if unavailable. Then only identical accuracies are
            equal.
        chance: The accuracy of a uniform guess, ``1 / classes``; 0 if the number of classes is unavailable.
        is_balanced: Whether accuracies are means over the classes. The standard error is then a lower bound;
            it is exact for classes of equal size.
    """

    num_images: int | None = None
    chance: float = 0.0
    is_balanced: bool = False

    def error(self, accuracy: float) -> float:
        """Return the standard error ``max(sqrt(a (1 - a) / n), 1 / n)``: at least one image."""
        if not self.num_images:
            return 0.0
        return max(math.sqrt(accuracy * (1 - accuracy) / self.num_images), 1 / self.num_images)

    def are_equal(self, one: float, other: float) -> bool:
        """Return whether two accuracies differ by at most the standard error of the higher one.

        Networks of one study share their validation images. The standard error of such a paired difference
        is about equal to that of one accuracy.
        """
        return abs(one - other) <= self.error(max(one, other)) + _ROUNDING

    def is_above_chance(self, accuracy: float) -> bool:
        """Return whether the 95 % interval of an accuracy lies above chance."""
        return (wilson(accuracy, self.num_images)[0] if self.num_images else accuracy) > self.chance

    def interval(self, accuracy: float) -> tuple[float, float] | None:
        """Return Wilson's 95 % interval; None for balanced accuracies or an unknown number of images."""
        return wilson(accuracy, self.num_images) if self.num_images and not self.is_balanced else None


def equal_places(accuracies: Sequence[float], sampling: Sampling) -> list[list[int]]:
    """Return the indices of the equal other accuracies, for each accuracy."""
    return [
        [j for j, other in enumerate(accuracies) if j != i and sampling.are_equal(one, other)]
        for i, one in enumerate(accuracies)
    ]
