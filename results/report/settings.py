"""The section of the settings: configuration, data and environment."""

from __future__ import annotations

from typing import Any

from results.report.html import sections
from results.report.section import Section
from results.storage.records import StudyHeader
from results.study import StudyReader


def settings_section(study: StudyReader) -> Section:
    """Return the configuration, the data and the environment, folded."""
    header = study.header
    environment = {"data": header.data, **header.environment}
    return Section(
        "settings",
        "Settings",
        f"<details><summary>Configuration</summary>{sections(_used(header), 'study')}</details>"
        f"<details><summary>Data and environment</summary>{sections(environment, 'environment')}</details>",
    )


def _used(header: StudyHeader) -> dict[str, Any]:
    """Return the configuration; without the search space for a study that trains named networks."""
    return {key: value for key, value in header.config.items() if key != "space" or not header.plan}
