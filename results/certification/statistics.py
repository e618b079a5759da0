"""The statistics of a certification: pure functions of arrays.

A network's accuracy is the expected accuracy of one training on new images of the same kind. Two sources of
uncertainty enter: the test images, which all networks share, and the seeds, which they do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class CertificationConfig:
    """The constants of the statistics.

    Attributes:
        num_draws: Posterior draws. The standard error of a probability is at most 0.008.
        seed: The seed of the draws: equal results give equal figures.
        level: The probability that an interval covers.
        prior_freedom: Degrees of freedom of the pooled deviation over seeds. Three to five seeds alone give
            poor deviations; the pooled one stabilises them (moderated variances of Smyth 2004, "Linear models
            and empirical Bayes methods").
        pseudo_weight: Weight of one right and of one wrong pseudo-image, Jeffreys' prior. Without them, an
            accuracy of 100 % would have no uncertainty.
        num_bins: Bins of equal width of the calibration error (Guo et al. 2017).
    """

    num_draws: int = 4000
    seed: int = 0
    level: float = 0.95
    prior_freedom: float = 4.0
    pseudo_weight: float = 0.5
    num_bins: int = 15


DEFAULTS = CertificationConfig()


def accuracy_draws(
    right: Sequence[Bools],
    labels: NDArray[np.int64],
    *,
    is_balanced: bool = False,
    config: CertificationConfig = DEFAULTS,
) -> Floats:
    """Return posterior draws of the expected accuracy of each network, float64 B M.

    A draw may exceed 1 by the term of the seeds; ``interval`` bounds it.

    Images: Bayesian bootstrap (Rubin 1981) with weights that all networks share, so that differences of
    networks are paired. Seeds: ``t * s / sqrt(K)`` with the moderated deviation ``s`` of ``seed_deviations``
    and Student's ``t``. Without two trainings of any network, the seeds add nothing.

    Args:
        right: For each network, whether each of its K trainings is right on each image, bool K N.
        labels: The classes of the images, int64 N.
        is_balanced: Whether accuracies are means over the classes with images.
        config: The constants.
    """
    rng = np.random.default_rng(config.seed)
    shares = np.stack([one.mean(axis=0) for one in right])  # M N
    deviations, freedom = seed_deviations(
        [accuracies(one, labels, is_balanced=is_balanced) for one in right], len(labels), config
    )
    draws = np.empty((config.num_draws, len(right)))
    groups = _groups(labels, is_balanced=is_balanced)
    for rows in _chunks(config.num_draws, len(labels)):
        draws[rows] = np.mean([_bootstrap(shares[:, group], rows, rng, config) for group in groups], axis=0)
    errors = deviations / np.sqrt([len(one) for one in right])
    draws += rng.standard_t(np.maximum(freedom, 1.0), size=draws.shape) * errors
    return draws


def _bootstrap(shares: Floats, rows: slice, rng: np.random.Generator, config: CertificationConfig) -> Floats:
    """Return weighted means of ``shares``, float64 M N, under random weights of the images, float64 B M."""
    count = rows.stop - rows.start
    weights = rng.standard_exponential((count, shares.shape[1]))
    pseudo = rng.standard_gamma(config.pseudo_weight, (count, 2))  # a right image and a wrong one
    total = weights.sum(axis=1) + pseudo.sum(axis=1)
    means: Floats = (weights @ shares.T + pseudo[:, :1]) / total[:, None]
    return means


def _chunks(count: int, num_images: int) -> list[slice]:
    size = max(1, 2**22 // max(num_images, 1))
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def _groups(labels: NDArray[np.int64], *, is_balanced: bool) -> list[NDArray[np.int64]]:
    """Return the images of each class with images, or all images as one group."""
    if not is_balanced:
        return [np.arange(len(labels))]
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def accuracies(right: Bools, labels: NDArray[np.int64], *, is_balanced: bool = False) -> Floats:
    """Return the accuracy of each training, float64 K; ``right`` is bool K N."""
    groups = _groups(labels, is_balanced=is_balanced)
    return np.asarray(np.mean([right[:, group].mean(axis=1) for group in groups], axis=0))


def seed_deviations(
    values: Sequence[Floats], num_images: int, config: CertificationConfig = DEFAULTS
) -> tuple[Floats, Floats]:
    """Return the moderated deviation over seeds of each network, and its degrees of freedom.

    ``s_m^2 = (d0 phi a (1 - a) + (K_m - 1) s^2) / (d0 + K_m - 1)``: ``s`` is the sample deviation of the network,
    ``a`` its accuracy, and ``phi`` the pooled ratio of ``s^2`` to ``a (1 - a)`` over all networks with two
    trainings or more. The ratio makes small and accurate networks comparable. Without such a network, all
    deviations are 0.

    Args:
        values: The accuracies of each network's trainings.
        num_images: The test images; they bound ``a`` away from 0 and 1.
        config: The constants.
    """
    freedoms = np.array([len(one) - 1 for one in values], dtype=float)
    sums = np.array([((one - one.mean()) ** 2).sum() for one in values])
    if not freedoms.sum():
        return np.zeros(len(values)), np.zeros(len(values))
    means = (np.array([one.mean() for one in values]) * num_images + 0.5) / (num_images + 1)
    scales = means * (1 - means)
    ratio = (sums / scales).sum() / freedoms.sum()
    prior = config.prior_freedom if (freedoms > 0).sum() > 1 else 0.0  # one network has nothing to pool with
    freedom = prior + freedoms
    return np.sqrt((prior * ratio * scales + sums) / np.maximum(freedom, 1.0)), freedom


def interval(draws: Floats, config: CertificationConfig = DEFAULTS) -> tuple[float, float]:
    """Return the central interval of draws, float64 B, within 0 and 1."""
    tail = (1 - config.level) / 2
    low, high = np.clip(np.quantile(draws, (tail, 1 - tail)), 0.0, 1.0)
    return float(low), float(high)


def front_probabilities(draws: Floats, costs: Floats) -> Floats:
    """Return the probability of each network to be on the Pareto front, float64 M.

    Args:
        draws: Draws of the accuracies, float64 B M.
        costs: The costs of the networks, float64 M C.
    """
    is_on_front = np.ones(draws.shape, dtype=bool)
    for m in range(draws.shape[1]):
        no_dearer = (costs <= costs[m]).all(axis=1)
        no_dearer[m] = False
        if no_dearer.any():
            is_on_front[:, m] = draws[:, m] > draws[:, no_dearer].max(axis=1)
    return np.asarray(is_on_front.mean(axis=0))


def expected_calibration_error(
    right: Bools, confidences: Floats, config: CertificationConfig = DEFAULTS
) -> float:
    """Return the expected calibration error of one training, from 0 to 1.

    ``ECE = sum_b n_b / N |accuracy_b - confidence_b|`` over bins of equal width (Guo et al. 2017, eq. 3).

    Args:
        right: Whether each prediction is right, bool N.
        confidences: The probability of each predicted class, float64 N.
        config: The constants.
    """
    bins = np.clip(np.ceil(confidences * config.num_bins).astype(int) - 1, 0, config.num_bins - 1)
    gaps = np.bincount(bins, weights=right - confidences, minlength=config.num_bins)
    return float(np.abs(gaps).sum() / len(right))


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> NDArray[np.int64]:
    """Return the images by true class (rows) and predicted class (columns), int64 K K."""
    cells = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def class_recalls(confusion: NDArray[np.int64]) -> tuple[float | None, ...]:
    """Return the accuracy of each class; None for a class without images."""
    totals = confusion.sum(axis=1)
    return tuple(
        float(right / total) if total else None
        for right, total in zip(confusion.diagonal(), totals, strict=True)
    )
