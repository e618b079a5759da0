"""The section of the certification: networks over several seeds on the held-out test split."""

from __future__ import annotations

from collections.abc import Sequence

from results.certification.certification import Certification
from results.certification.records import CertifiedNetwork, DominatedReference
from results.report.certified_details import estimate_text
from results.report.details import certified_names
from results.report.html import details_button, escape, percent_text, wide_table
from results.report.section import Section
from results.study import StudyReader
from results.study_text import percents
from space.core.text import plural

_COLUMNS = (
    "validation",
    "test",
    "95 % interval",
    "P(front)",
    "calibration error",
    "search − test",
    "on the front",
)


def certification_section(study: StudyReader) -> Section | None:
    """Return the certified figures; None before a certification."""
    certification = study.certification
    if certification is None:
        return None
    html = (
        f"<p>{_lead(certification)}</p><dl class='tiles'>{_tiles(certification)}</dl>"
        f"<h3>Certified networks</h3>{_networks(study, certification.networks)}"
        f"{_comparisons(certification.dominated)}"
    )
    return Section("certification", "Certification", html)


def _lead(certification: Certification) -> str:
    seeds, epochs = plural(certification.seeds, "seed"), plural(certification.epochs, "epoch")
    sentences = [
        f"Each network was trained from {seeds} for {epochs} each. Its mean validation accuracy decides whether it is "
        f"on the certified front. Then {plural(certification.num_images, 'held-out test image')} measured it. "
        "Deviations are sample standard deviations over the seeds, in percentage points. Intervals are 95 % intervals. "
        "<em>P(front)</em> is the probability that the network is on the true front of the certified networks."
    ]
    if certification.teacher is not None:
        sentences.append(
            f"All trainings imitated the network with the digest {escape(certification.teacher)}."
        )
    if certification.seeds == 1:
        sentences.append("One seed: the intervals leave out the variance between trainings.")
    if len(certification.openings) > 1:
        sentences.append(
            f"<strong>The test split was used {len(certification.openings)} times. Later figures are "
            "optimistic.</strong>"
        )
    return " ".join(sentences)


def _tiles(certification: Certification) -> str:
    low, high = certification.hypervolume_range
    total = len(certification.survived) + len(certification.lost)
    tiles = [
        (
            "certified hypervolume",
            f"{certification.hypervolume:.3f}",
            f"pessimistic {low:.3f}, optimistic {high:.3f}; the search reported "
            f"{certification.search_hypervolume:.3f} for these networks",
        ),
        (
            "survivors",
            f"{len(certification.survived)} of {total}",
            "networks of the search's front that stay on it",
        ),
    ]
    if (gap := certification.mean_gap) is not None:
        tiles.append(
            ("gap", f"{100 * gap:+.2f}", "points that the search reported above test, mean of its front")
        )
    return "".join(
        f'<div><dt>{label}</dt><dd class="figure">{figure}</dd><dd class="detail">{detail}</dd></div>'
        for label, figure, detail in tiles
    )


def _networks(study: StudyReader, networks: Sequence[CertifiedNetwork]) -> str:
    costs = study.objectives.shown
    names = ("name", "network", *(cost.heading for cost in costs), *_COLUMNS)
    texts = ("name", "network", "on the front")
    heads = "".join(f"<th scope=col{' class=number' * (name not in texts)}>{name}</th>" for name in names)
    details = certified_names(study)
    rows = []
    for network in networks:
        figures = (
            *(cost.text(cost.of(network.trainings[0])) for cost in costs),
            estimate_text(network.val),
            estimate_text(network.test),
            percents((network.test.low, network.test.high)),
            "–" if network.front_probability is None else f"{network.front_probability:.2f}",
            f"{100 * network.calibration_error:.1f}\u00a0%",
            "–" if network.gap is None else f"{100 * network.gap:+.2f}",
        )
        button = details_button(details[network.arch], escape(network.name), f"details of {network.name}")
        cells = "".join(f'<td class="number">{figure}</td>' for figure in figures)
        rows.append(
            f'<tr><td>{button}</td><td class="text"><code>{escape(network.notation)}</code></td>{cells}'
            f"<td>{'yes' if network.on_front else 'no'}</td></tr>"
        )
    return wide_table("Certified networks", heads, rows)


def _comparisons(dominated: Sequence[DominatedReference]) -> str:
    """Return the networks of comparison with the networks that dominate them; empty without any."""
    if not dominated:
        return ""
    names = (
        "network",
        "test",
        "dominated by",
        "probability",
        "by any",
        "difference, points",
        "95 % interval",
    )
    heads = "".join(
        f"<th scope=col{' class=number' * (place > 2)}>{name}</th>" for place, name in enumerate(names)
    )
    rows = [_comparison(one) for one in dominated]
    return (
        "<h3>References and other studies</h3><p>A network dominates another if its costs are not higher and it is "
        "more accurate. The probability is that of the higher accuracy; <em>by any</em> is the probability that at "
        "least one network of the certified front dominates it.</p>"
        f"{wide_table('Dominated references', heads, rows)}"
    )


def _comparison(one: DominatedReference) -> str:
    def cell(text: str) -> str:
        return f'<td class="number">{text}</td>'

    network, by = one.network, one.by
    own = (
        f"<td>{escape(network.name)}<small>{network.params:,} parameters</small></td>"
        f"<td>{percent_text(network.test.mean)}</td>"
    )
    if by is None or one.difference is None or one.interval is None:
        return f"<tr>{own}<td>none is as cheap</td>{cell('–') * 4}</tr>"
    low, high = one.interval
    return (
        f"<tr>{own}<td>{escape(by.name)}<small>{by.params:,} parameters, {percent_text(by.test.mean)}</small></td>"
        f"{cell(f'{one.probability:.3f}')}{cell(f'{one.any_probability:.3f}')}{cell(f'{100 * one.difference:+.2f}')}"
        f"{cell(f'{100 * low:+.2f} to {100 * high:+.2f}')}</tr>"
    )
