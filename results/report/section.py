"""One section of the report: its heading, its HTML and its charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from results.plots.chart import Chart


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes:
        name: The anchor of the section in the page.
        title: The heading.
        html: The content below the heading. Each chart has its place there; ``results.report.html.chart``
            returns it.
        charts: The charts by the names of their places. Names are unique in a page.
    """

    name: str
    title: str
    html: str
    charts: Mapping[str, Chart] = field(default_factory=dict)

    def render(self) -> str:
        """Return the section as HTML."""
        return (
            f'<section id="{self.name}" aria-labelledby="{self.name}-title">'
            f'<h2 id="{self.name}-title">{self.title}</h2>\n{self.html}\n</section>'
        )
