"""The report's table of named networks: each network over its seeds."""

from __future__ import annotations

import statistics

from results.front import accuracy
from results.report.html import escape
from results.study import StudyReader
from results.trainings import trainings

COLUMNS = ("network", "parameters", "MACs", "seeds", "mean accuracy", "deviation")
TEXTS = ("network", "seeds")


def trainings_table(study: StudyReader) -> str:
    """Return the networks of the plan with mean and standard deviation over seeds; empty for a search."""
    found = trainings(study)
    if not found:
        return ""
    rows = []
    for trials in found:
        percents = [100 * accuracy(trial) for trial in trials]
        deviation = f"{statistics.stdev(percents):.2f}" if len(percents) > 1 else "–"
        seeds = ", ".join(str(trial.seed) for trial in trials)
        rows.append(
            f'<tr><td class="text"><code>{escape(trials[0].notation)}</code></td>'
            f'<td class="number">{trials[0].params:,}</td><td class="number">{trials[0].macs:,}</td>'
            f'<td class="text">{seeds}</td>'
            f'<td class="number">{statistics.fmean(percents):.2f}\u00a0%</td>'
            f'<td class="number">{deviation}</td></tr>'
        )
    heads = "".join(f"<th scope=col{' class=number' * (name not in TEXTS)}>{name}</th>" for name in COLUMNS)
    return (
        "<h3>Trainings</h3><p>The named networks over their seeds. The deviation is the sample standard "
        "deviation in percentage points. The front contains the best seed of each network, so its accuracies "
        "are optimistic.</p>"
        f'<div class="scroll"><table class="wide"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
