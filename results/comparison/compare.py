"""The comparison of studies: repeats of search methods on the same images and objectives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from results.comparison.data import ComparisonData
from results.comparison.methods import methods_of
from results.comparison.problem import check_same_problem
from results.open import open_study
from results.study import StudyReader
from space.core.errors import InvalidInputError, shown


def compare(
    studies: Iterable[str | Path | StudyReader], group: str | Sequence[str] | None = None
) -> Comparison:
    """Compare studies of the same images and objectives.

    Studies of one method are repeats. By default, a method is a configuration without the seed, the budget and the
    machine.

    Args:
        studies: Two or more folders of studies, or studies that are open.
        group: Keys of the study file, such as ``"search.sampler"``, as a list or with commas: studies with equal
            values are one method. ``"study"``: each study is a method of its own.

    Raises:
        InvalidInputError: There are fewer than two studies, one is named twice, they have different images,
            objectives or metrics, or no study has a key of ``group``.

    Example:
        >>> comparison = mgnas.compare(["runs/a1", "runs/a2", "runs/b1", "runs/b2"])
        >>> comparison.methods()
        >>> comparison.hypervolume_figure()
    """
    if isinstance(studies, (str, Path, StudyReader)):
        raise InvalidInputError(
            f"studies must be a list of folders or studies, but got {shown(str(studies))}"
        )
    opened: dict[str, StudyReader] = {}
    places: dict[Path, str] = {}
    for study in studies:
        reader = study if isinstance(study, StudyReader) else open_study(study)
        name = str(reader.folder if isinstance(study, StudyReader) else study)
        place = reader.folder.resolve()
        if place in places:
            raise InvalidInputError(f"{name} is named twice; name each study once")
        places[place] = name
        opened[name] = reader
    if len(opened) < 2:
        raise InvalidInputError(f"a comparison needs two or more studies, but got {len(opened)}")
    check_same_problem(opened)
    return Comparison(opened, methods_of(opened, group))


class Comparison(ComparisonData):
    """The comparison of studies, as DataFrames and plotly figures; ``mgnas.compare`` makes it.

    The hypervolume is the share of a box that is common to all studies: error from 0 to 1, and the logarithm of each
    cost over the widest range of the studies.

    Attributes:
        names: The studies, as they were given.
        method_of: The method of each study.
        box: The common box as text.
        differences: The settings in which the studies differ, one line each.
        warnings: What weakens the comparison, one line each.
    """

    def write_html(self, path: str | Path) -> Path:
        """Write the comparison as one HTML file that works offline, and return its path.

        Raises:
            InvalidInputError: ``path`` is a folder, or a file that is not such a page.
        """
        from results.comparison.page import write_page

        return write_page(self, path)
