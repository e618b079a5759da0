"""The certified figures of networks, computed from recorded trainings and their predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist, fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.certification import statistics
from results.certification.certification import Certification
from results.certification.records import COMPARED, CertifiedNetwork, DominatedReference, Estimate, Opening
from results.front import accuracy, front_hypervolume, pareto_front
from results.storage.held_out import HeldOutResult
from results.storage.objectives import Objectives
from results.storage.records import StudyHeader, TrialRecord

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """The recorded trainings of a certification with their results on the test split.

    Attributes:
        epochs: Epochs of each training.
        trials: The complete trainings with a result.
        results: The predictions of each training, by trial number.
        labels: The classes of the test images, int64 N.
        origins: Why each network is certified, by its identity.
        classes: Names of the classes.
        teacher: The digest of the network that the trainings imitated; None for none.
    """

    epochs: int
    trials: Sequence[TrialRecord]
    results: Mapping[int, HeldOutResult]
    labels: Labels
    origins: Mapping[str, Mapping[str, Any]]
    classes: tuple[str, ...]
    teacher: str | None = None

    def of_networks(self) -> list[list[TrialRecord]]:
        """Return the trainings of each network, in the order of the seeds."""
        networks: dict[str, list[TrialRecord]] = {}
        for trial in sorted(self.trials, key=lambda one: one.seed):
            networks.setdefault(trial.arch, []).append(trial)
        return list(networks.values())

    def right(self, trials: Sequence[TrialRecord]) -> NDArray[np.bool_]:
        """Return whether each training is right on each image, bool K N."""
        return np.stack([self.results[trial.number].predicted == self.labels for trial in trials])


def certification_of(
    folder: Path,
    header: StudyHeader,
    searched: Sequence[TrialRecord],
    measured: Measured,
    opened: Sequence[Opening],
) -> Certification:
    """Return the certified figures.

    Args:
        folder: The folder of the certification.
        header: The header of the study.
        searched: The trials of its search.
        measured: The trainings with their results.
        opened: All uses of the study's test split.
    """
    objectives = Objectives.of(header)
    networks = sorted(measured.of_networks(), key=lambda trials: _costs(trials, objectives))
    right = [measured.right(trials) for trials in networks]
    draws = statistics.accuracy_draws(right, measured.labels, is_balanced=header.is_balanced)
    found = [_network(trials, measured, header, draws[:, column]) for column, trials in enumerate(networks)]
    found = _with_front(found, draws, objectives)
    front = [network for network in found if network.on_front]
    on_search = {trial.arch for trial in pareto_front(searched, objectives)}
    certified = {network.arch for network in found if network.origin not in COMPARED}
    ends = [network for network in found if network.arch in on_search and network.origin not in COMPARED]
    return Certification(
        folder=folder,
        epochs=measured.epochs,
        seeds=max(len(trials) for trials in networks),
        num_images=len(measured.labels),
        classes=measured.classes,
        teacher=measured.teacher,
        openings=tuple(opened),
        candidates=frozenset(measured.origins),
        networks=tuple(found),
        dominated=tuple(
            _dominated(network, found, draws, objectives) for network in found if network.origin in COMPARED
        ),
        hypervolume=_hypervolume(front, [network.test.mean for network in front], objectives),
        hypervolume_range=(
            _hypervolume(front, [network.test.low for network in front], objectives),
            _hypervolume(front, [network.test.high for network in front], objectives),
        ),
        search_hypervolume=front_hypervolume(
            [trial for trial in searched if trial.arch in certified], objectives
        ),
        survived=tuple(network for network in ends if network.on_front),
        lost=tuple(network for network in ends if not network.on_front),
        by_arch={network.arch: network for network in found},
    )


def _network(
    trials: Sequence[TrialRecord], measured: Measured, header: StudyHeader, draws: statistics.Floats
) -> CertifiedNetwork:
    """Return the figures of one network; its place on the front is not known yet."""
    first, origin = trials[0], measured.origins.get(trials[0].arch, {})
    right = measured.right(trials)
    values = statistics.accuracies(right, measured.labels, is_balanced=header.is_balanced)
    labels = np.tile(measured.labels, len(trials))
    predicted = np.concatenate([measured.results[trial.number].predicted for trial in trials])
    confusion = statistics.confusion_matrix(labels, predicted, len(measured.classes))
    errors = [
        statistics.expected_calibration_error(row, measured.results[trial.number].probabilities)
        for row, trial in zip(right, trials, strict=True)
    ]
    return CertifiedNetwork(
        arch=first.arch,
        notation=first.notation,
        origin=origin.get("origin", "named"),
        name=origin.get("name", first.notation),
        search_trial=origin.get("search_trial"),
        search_accuracy=origin.get("search_accuracy"),
        trainings=tuple(trials),
        val=_validation(trials, header),
        test=_estimate(values.tolist(), float(draws.std()), statistics.interval(draws)),
        class_accuracies=statistics.class_recalls(confusion),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        calibration_error=fmean(errors),
        on_front=False,
        front_probability=None,
        test_accuracies=tuple(values.tolist()),
    )


def _estimate(values: Sequence[float], error: float, interval: tuple[float, float]) -> Estimate:
    deviation = stdev(values) if len(values) > 1 else None
    return Estimate(fmean(values), deviation, error, *interval, len(values))


def _validation(trials: Sequence[TrialRecord], header: StudyHeader) -> Estimate:
    """Return the validation accuracy. Its interval adds the errors of seeds and images as if normal."""
    values = [accuracy(trial) for trial in trials]
    mean, sampling = fmean(values), header.sampling.error(fmean(values))
    seeds = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    error = math.hypot(seeds, sampling)
    half = NormalDist().inv_cdf((1 + statistics.DEFAULTS.level) / 2) * error
    return _estimate(values, error, (max(0.0, mean - half), min(1.0, mean + half)))


def _costs(trials: Sequence[TrialRecord], objectives: Objectives) -> tuple[float, ...]:
    """Return the costs of a network: means over its trainings, which differ for measured costs only."""
    rows = [objectives.values(trial) for trial in trials]
    return tuple(fmean(column) for column in zip(*rows, strict=True))


def _at(network: CertifiedNetwork, value: float, objectives: Objectives) -> TrialRecord:
    """Return a trial with the network's costs and the given accuracy, for the functions of fronts."""
    trial = network.trainings[0]
    known = [one for one in network.trainings if objectives.are_known(one)]
    return replace((known or [trial])[0], val_accuracy=value, state="complete")


def _hypervolume(
    networks: Sequence[CertifiedNetwork], values: Sequence[float], objectives: Objectives
) -> float:
    pairs = zip(networks, values, strict=True)
    return front_hypervolume([_at(network, value, objectives) for network, value in pairs], objectives)


def _with_front(
    networks: Sequence[CertifiedNetwork], draws: statistics.Floats, objectives: Objectives
) -> list[CertifiedNetwork]:
    """Return the networks with their place on the front and its probability; those of comparison have none."""
    columns = [i for i, network in enumerate(networks) if network.origin not in COMPARED]
    if not columns:
        return list(networks)
    own = [networks[i] for i in columns]
    on_front = {
        trial.arch for trial in pareto_front([_at(one, one.val.mean, objectives) for one in own], objectives)
    }
    costs = np.array([_costs(one.trainings, objectives) for one in own])
    shares = statistics.front_probabilities(draws[:, columns], costs)
    probability = {one.arch: float(share) for one, share in zip(own, shares, strict=True)}
    return [
        replace(one, on_front=one.arch in on_front, front_probability=probability.get(one.arch))
        for one in networks
    ]


def _dominated(
    network: CertifiedNetwork,
    networks: Sequence[CertifiedNetwork],
    draws: statistics.Floats,
    objectives: Objectives,
) -> DominatedReference:
    """Return by which network of the certified front ``network`` is dominated, and how probably."""
    costs = np.array([_costs(one.trainings, objectives) for one in networks])
    own = next(i for i, one in enumerate(networks) if one is network)
    no_dearer = [
        i
        for i, one in enumerate(networks)
        if one.on_front and i != own and bool((costs[i] <= costs[own]).all())
    ]
    if not no_dearer:
        return DominatedReference(network, None, 0.0, 0.0, None, None)
    is_better = draws[:, no_dearer] > draws[:, [own]]
    best = int(np.argmax(is_better.mean(axis=0)))
    by = networks[no_dearer[best]]
    differences = draws[:, no_dearer[best]] - draws[:, own]
    low, high = np.quantile(differences, (0.025, 0.975))
    return DominatedReference(
        network=network,
        by=by,
        probability=float(is_better[:, best].mean()),
        any_probability=float(is_better.any(axis=1).mean()),
        difference=by.test.mean - network.test.mean,
        interval=(float(low), float(high)),
    )
