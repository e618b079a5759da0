"""The charts of a study as plotly figures, for notebooks, scripts and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results.plots.palette import LIGHT, coloured
from space.core.errors import InvalidInputError, nearest, shown

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from results.plots.chart import Chart
    from results.plots.hypervolume_chart import Against
    from results.study import StudyReader


class StudyPlots:
    """The charts of the report as plotly figures. A notebook shows a figure that is the last value of a cell.

    The colours are those of the report's light page. Each method makes a new figure, which you may change.

    Example:
        >>> study = mgnas.open_study("runs/digits")
        >>> study.plots.front()
        >>> study.plots.hypervolume(against="epochs").write_html("hypervolume.html")
    """

    def __init__(self, study: StudyReader) -> None:
        self._study = study

    def front(self, cost: str | None = None) -> go.Figure:
        """Return validation accuracy against a cost, with the Pareto front.

        Args:
            cost: ``params``, ``macs``, ``activation_mib``, ``flash_kib``, ``sram_kib``, ``latency_ms`` or
                ``energy_j``. Default: the first cost of the study.

        Raises:
            InvalidInputError: The cost is unknown, or the study has no front.
        """
        from results.plots.front_chart import front_chart
        from results.storage.objectives import COSTS

        chosen = self._study.objectives.costs[0].name if cost is None else cost
        if chosen not in COSTS:
            known = ", ".join(COSTS)
            raise InvalidInputError(
                f"cost must be one of {known}, but got {shown(cost)}{nearest(str(cost), tuple(COSTS))}"
            )
        self._check_front()
        return _figure(front_chart(self._study, COSTS[chosen]), f"{self._study.name}: Pareto front")

    def hypervolume(self, against: Against = "time") -> go.Figure:
        """Return the hypervolume of the front after each result.

        Args:
            against: ``time`` (search time), ``epochs`` or ``energy``, each without reference networks.

        Raises:
            InvalidInputError: ``against`` is unknown, the study has no recorded energy, or it has no front.
        """
        from results.plots.hypervolume_chart import hypervolume_chart

        self._check_front()
        return _figure(hypervolume_chart(self._study, against), f"{self._study.name}: hypervolume")

    def curves(self) -> go.Figure:
        """Return the learning curves of the front: validation accuracy after each epoch.

        Raises:
            InvalidInputError: The study has no front.
        """
        from results.plots.curves_chart import curves_chart

        self._check_front()
        figure = _figure(curves_chart(self._study), f"{self._study.name}: learning curves of the front")
        return figure.update_layout(
            showlegend=True, legend={"orientation": "v", "x": 1.02, "y": 1.0, "yanchor": "top"}
        )

    def rungs(self) -> go.Figure:
        """Return the accuracies of the trials at each rung.

        Raises:
            InvalidInputError: The scheduler of the study has no rungs, or no trial reached one.
        """
        from results.plots.rungs_chart import rungs_chart
        from results.rungs import rung_populations

        rungs = rung_populations(self._study)
        if not any(rung.num_trials for rung in rungs):
            raise InvalidInputError(
                f"{self._study.folder}: no trial has reached a rung, or the scheduler has none"
            )
        return _figure(rungs_chart(rungs), f"{self._study.name}: accuracies at the rungs")

    def effects(self) -> go.Figure:
        """Return the effect of each hyperparameter on accuracy at equal size, with 95 % intervals.

        Raises:
            InvalidInputError: There are too few complete trials.
        """
        from results.plots.effects_chart import effects_chart

        effects = self._study.effects
        if not any(effect.values for effect in effects.hyperparameters):
            raise InvalidInputError(
                f"{self._study.folder}: {effects.num_trials} complete trials are too few to estimate effects"
            )
        return _figure(effects_chart(effects), f"{self._study.name}: effects of the hyperparameters")

    def parallel(self) -> go.Figure:
        """Return hyperparameters, costs and accuracy of the complete trials as parallel coordinates.

        At most 500 trials are shown: the front, and evenly spaced others.

        Raises:
            InvalidInputError: The study has no front.
        """
        from results.plots.parallel_chart import parallel_chart

        self._check_front()
        return _figure(parallel_chart(self._study), f"{self._study.name}: hyperparameters and accuracy")

    def _check_front(self) -> None:
        if not self._study.front_records:
            raise InvalidInputError(f"{self._study.folder}: {self._study.why_no_front}")


def _figure(chart: Chart, title: str) -> go.Figure:
    """Return a chart as a figure of its own: with a title, colours and the initial range."""
    import plotly.graph_objects as go

    plain = coloured(chart.figure.to_plotly_json())
    figure = go.Figure(plain)
    figure.update_layout(
        title={"text": title.replace("<", "&lt;"), "font": {"size": 17, "color": LIGHT["--ink"]}},
        paper_bgcolor=LIGHT["--card"],
        plot_bgcolor=LIGHT["--card"],
        margin={"l": 24, "r": 24, "t": 84, "b": 24},
    )
    figure.update_yaxes(range=list(chart.focus))
    return figure
