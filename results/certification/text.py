"""A certification as text: a table of networks and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from results.certification.certification import Certification
from results.certification.records import CertifiedNetwork, DominatedReference
from results.storage.objectives import Objectives
from results.tables import print_table
from space.core.text import plural


def print_certification(certification: Certification, objectives: Objectives, stream: TextIO) -> None:
    """Print the certified figures as tables and sentences."""
    taught = "" if certification.teacher is None else f", taught by the network {certification.teacher}"
    stream.write(
        f"certified: {plural(certification.epochs, 'epoch')}, {plural(certification.seeds, 'seed')} each{taught}; "
        f"selected on validation, measured on {plural(certification.num_images, 'held-out test image')}\n\n"
    )
    print_networks(certification.networks, objectives, stream)
    lines = [*sentences(certification), *map(comparison, certification.dominated)]
    stream.writelines(f"{line}\n" for line in ["", *lines, ""])


def print_networks(networks: Sequence[CertifiedNetwork], objectives: Objectives, stream: TextIO) -> None:
    """Print one row for each certified network."""
    costs = [cost.heading for cost in objectives.shown]
    header = (
        "network",
        "name",
        *costs,
        "validation",
        "test",
        "95 % interval",
        "P(front)",
        "ECE",
        "gap",
        "front",
    )
    rows = [
        (
            network.notation,
            network.name,
            *(cost.text(cost.of(network.trainings[0])) for cost in objectives.shown),
            _percent(network.val.mean, network.val.deviation),
            _percent(network.test.mean, network.test.deviation),
            f"{100 * network.test.low:.1f} to {100 * network.test.high:.1f}",
            "" if network.front_probability is None else f"{network.front_probability:.2f}",
            f"{100 * network.calibration_error:.1f} %",
            "" if network.gap is None else f"{100 * network.gap:+.2f}",
            "yes" if network.on_front else "",
        )
        for network in networks
    ]
    optional = ("ECE", "MACs", "gap", "validation", "network")
    print_table(header, rows, stream, (0, 1, len(header) - 1), optional)


def _percent(mean: float, deviation: float | None) -> str:
    return f"{100 * mean:.2f} %" if deviation is None else f"{100 * mean:.2f} +- {100 * deviation:.2f} %"


def sentences(certification: Certification) -> list[str]:
    """Return what the certification says about the search, one sentence each."""
    low, high = certification.hypervolume_range
    ended = len(certification.survived) + len(certification.lost)
    lines = [
        f"hypervolume: {certification.hypervolume:.4f} certified, {low:.4f} pessimistic, {high:.4f} optimistic; "
        f"the search reported {certification.search_hypervolume:.4f} for these networks"
    ]
    if ended:
        lines.append(
            f"{len(certification.survived)} of {plural(ended, 'network')} of the search's front are on the "
            "certified front"
        )
    if (gap := certification.mean_gap) is not None:
        lines.append(
            f"the search reported {abs(100 * gap):.2f} points {'more' if gap >= 0 else 'less'} than the test "
            "split on average"
        )
    if certification.seeds == 1:
        lines.append("one seed: the intervals leave out the variation between trainings (--seeds 5)")
    if len(certification.openings) > 1:
        lines.append(
            f"the test split was used {len(certification.openings)} times; later figures may be optimistic"
        )
    return lines


def comparison(dominated: DominatedReference) -> str:
    """Return by what a network of comparison is dominated, in words."""
    network, by = dominated.network, dominated.by
    own = f"{network.name} ({network.params:,} parameters, {100 * network.test.mean:.2f} %)"
    if by is None or dominated.interval is None or dominated.difference is None:
        return f"{own} is not dominated: no network of the certified front is as cheap"
    low, high = (100 * end for end in dominated.interval)
    return (
        f"{own} is dominated by {by.name} ({by.params:,} parameters, {100 * by.test.mean:.2f} %) with probability "
        f"{dominated.probability:.3f}; difference {100 * dominated.difference:+.2f} points "
        f"(95 % interval {low:+.2f} to {high:+.2f}); by any network of the front: {dominated.any_probability:.3f}"
    )
