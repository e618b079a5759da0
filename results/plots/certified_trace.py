"""The certified networks in the chart of the front."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from results.certification.records import CertifiedNetwork
from results.plots.chart import safe
from results.storage.objectives import Cost


def certified_trace(networks: Sequence[CertifiedNetwork], cost: Cost) -> go.Scatter:
    """Return the mean test accuracies of certified networks with their 95 % intervals as bars.

    Filled squares are on the certified front, open squares are not.
    """
    return go.Scatter(
        name="certified, test",
        x=[cost.of(network.trainings[0]) for network in networks],
        y=[100 * network.test.mean for network in networks],
        mode="markers",
        marker={
            "symbol": ["square" if network.on_front else "square-open" for network in networks],
            "color": "var(--good)",
            "size": 9,
            "line": {"width": 1.5, "color": "var(--good)"},
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * (network.test.high - network.test.mean) for network in networks],
            "arrayminus": [100 * (network.test.mean - network.test.low) for network in networks],
            "color": "var(--good)",
            "thickness": 2,
            "width": 6,
        },
        hovertext=[_describe(network) for network in networks],
        hoverinfo="text",
        customdata=[
            f"network-{network.arch}" if network.search_trial is None else f"trial-{network.search_trial}"
            for network in networks
        ],
    )


def _describe(network: CertifiedNetwork) -> str:
    test = network.test
    lines = [
        f"<b>{safe(network.notation)}</b>",
        safe(network.name),
        f"{100 * test.mean:.2f} % test accuracy, mean of {test.count}",
        f"95 % interval {100 * test.low:.1f} to {100 * test.high:.1f} %",
        f"{network.params:,} parameters",
    ]
    return "<br>".join(lines)
