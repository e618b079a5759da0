"""A study as its user opens it: the reader, and what can be made of it (report, export, picture)."""

from __future__ import annotations

import operator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, SupportsIndex

from results.chosen import ChosenNetwork, network_by_name, network_of_trial, pick_network
from results.picks import PICKS, RECOMMENDED
from results.storage.location import holds_study
from results.storage.reading import reading_ledger
from results.storage.study_files import DATABASE, POINTER, REPORT
from results.study import StudyReader
from space.core.atomic_files import user_path
from space.core.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from results.export.finetuning import Finetuner
    from results.export.folder import ExportResult
    from results.export.sample import SampleLoader
    from results.plots.study_plots import StudyPlots


def open_study(folder: str | Path) -> Study:
    """Open the study in a folder and return its state at this moment.

    Raises:
        InvalidInputError: The folder does not exist, holds no study, or the study is damaged.

    Example:
        >>> study = mgnas.open_study("runs/digits")
        >>> study.front()
        >>> study.export("best")
    """
    folder = user_path(folder, "the study's folder")
    if folder.is_file():
        named = f"; did you mean its folder, {folder.parent}?" if holds_study(folder.parent) else ""
        raise InvalidInputError(f"{folder} is a file, but a study is a folder{named}")
    if not folder.is_dir():
        raise InvalidInputError(
            f"there is no folder {folder}; 'mgnas search --dir {folder}' would make a study there"
        )
    if not holds_study(folder):
        raise InvalidInputError(f"{folder} is not a study's folder: it has no {DATABASE} or {POINTER}")
    with reading_ledger(folder) as ledger:
        return Study(folder, ledger.header(), ledger.trials(), ledger.clock_s())


class Study(StudyReader):
    """The results of a study: its trials and its front, the report, exports and pictures.

    ``open_study`` and ``run_search`` return it. It holds the trials recorded at that moment; open the study
    again to see later ones. The epochs are read at their first use and then kept.

    Attributes:
        folder: The study's folder.
        header: The study's configuration, data and budgets.
        records: The trials of the search, by ascending number.
        references: The trials of reference networks. They are on no front and in no count except that of
            all epochs.
        searched_s: Seconds of search on the study's clock, without pauses.
    """

    load_images: SampleLoader | None = None
    """Loads validation images, with which ``export`` compares each format; without it they are random."""
    finetuner: Finetuner | None = None
    """Fine-tunes a network for its int8 code, for ``export``."""

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, one HTML file that works offline.

        Args:
            path: The file; by default ``report.html`` in the study's folder.

        Returns:
            The path of the file.

        Raises:
            InvalidInputError: ``path`` is a folder, or a file that is not a report of mgnas.
        """
        from results.report.page import write_report

        return write_report(self, self.folder / REPORT if path is None else user_path(path, "the report"))

    @cached_property
    def plots(self) -> StudyPlots:
        """The charts of the report as plotly figures, such as ``study.plots.front()``."""
        from results.plots.study_plots import StudyPlots

        return StudyPlots(self)

    def figures(
        self,
        folder: str | Path,
        formats: Sequence[str] = ("svg", "png"),
        tell: Callable[[str], None] = print,
    ) -> list[Path]:
        """Write every chart of the report into a folder.

        SVG, PNG and PDF need the extra ``images`` and Chrome or Chromium; HTML needs neither.

        Args:
            folder: The folder. It is created if it is missing.
            formats: Of ``svg``, ``png``, ``pdf`` and ``html``.
            tell: Receives one line for each figure that the study does not have, with the reason.

        Returns:
            The paths of the files.

        Raises:
            InvalidInputError: A format is unknown, there is no chart yet, or kaleido or Chrome is missing.
        """
        from results.plots.figure_files import write_figures

        return write_figures(self, user_path(folder, "the folder of the figures"), formats, tell)

    def front_svg(self, path: str | Path) -> Path:
        """Write the Pareto front of accuracy against parameters as an SVG picture.

        The picture is readable on light and dark pages. The file is written atomically. Missing parent
        folders are created.

        Returns:
            The path of the file.
        """
        from results.plots.front_svg import write_front_svg

        return write_front_svg(self, user_path(path, "the picture"))

    def pick(
        self, how: str = RECOMMENDED, max_params: int | None = None, *, searched: bool = False
    ) -> ChosenNetwork:
        """Return one network, by default the recommended one; after a certification, by its figures.

        Certified figures are compared by the mean validation accuracy and its standard error.

        Args:
            how: ``within-1se`` (the recommended network), ``best``, ``knee``, ``smallest``, ``accuracy>=0.97``,
                ``within=1pt``; see ``results.picks.pick``.
            max_params: The largest number of parameters; None for no limit.
            searched: Whether to compare the figures of the search, and to take its weights.

        Raises:
            InvalidInputError: Unknown ``how``, or there is no such network.

        Example:
            >>> study.pick("accuracy>=0.97", max_params=20_000).notation
        """
        return pick_network(self, how, max_params, searched=searched)

    def network(self, which: SupportsIndex | str, *, searched: bool = False) -> ChosenNetwork:
        """Return the network of a trial of the search, or a certified network by its name.

        Args:
            which: A trial's number, or the name, notation or identity of a certified network.
            searched: Whether to take the weights of the search although the network is certified.

        Raises:
            InvalidInputError: There is no such network, or ``searched`` is given with a name.

        Example:
            >>> study.network("resnet18@0.05").certified.test.mean
        """
        if isinstance(which, str):
            if searched:
                raise InvalidInputError(f"searched goes with a trial's number, not with a name ({which})")
            return network_by_name(self, which)
        return network_of_trial(self, self.trial(_number(which)), searched=searched)

    def export(
        self,
        which: SupportsIndex | str | ChosenNetwork = RECOMMENDED,
        to: str | Path | None = None,
        formats: Sequence[str] | None = None,
        *,
        max_params: int | None = None,
        searched: bool = False,
        finetune: bool = False,
    ) -> ExportResult:
        """Export one trained network as a folder with a model card; a certified one with its certified weights.

        Args:
            which: A trial's number, a pick such as ``within-1se`` or ``accuracy>=0.97``, or what ``pick`` and
                ``network`` return.
            to: The folder; by default ``exports/trial-N`` in the study's folder.
            formats: Of ``spec``, ``safetensors``, ``onnx``, ``pt2``, ``python``, ``hub``, ``onnx-int8``, ``web``,
                ``c``; by default those of the study's target, or the first six, that are possible here.
            max_params: With a pick, the largest number of parameters of the network.
            searched: Whether to take figures and weights of the search although there is a certification.
            finetune: Whether the network is first fine-tuned for its int8 code, on the study's training images.

        Returns:
            The folder, its files, the proof of each format, and the formats that were skipped.

        Raises:
            InvalidInputError: There is no such network, ``max_params`` is given without a pick, the network to
                fine-tune has no int8 code, or ``results.export.folder.export_trial`` refuses.
        """
        from results.export.folder import export_trial

        chosen = self._chosen(which, max_params, searched=searched)
        own = self.folder / "exports" / chosen.folder_name
        folder = own if to is None else user_path(to, "the folder to export to")
        if finetune and self.finetuner is None:
            raise InvalidInputError("fine-tuning needs the images; open the study with mgnas.open_study")
        return export_trial(
            chosen.study,
            chosen.trial,
            folder,
            formats,
            self.load_images,
            chosen.certificate,
            self.finetuner if finetune else None,
        )

    def _chosen(
        self, which: SupportsIndex | str | ChosenNetwork, max_params: int | None, *, searched: bool
    ) -> ChosenNetwork:
        if isinstance(which, str):
            return self.pick(which, max_params, searched=searched)
        if max_params is not None:
            what = "a chosen network" if isinstance(which, ChosenNetwork) else f"a trial's number ({which})"
            raise InvalidInputError(f"max_params goes with one of {PICKS}, not with {what}")
        return which if isinstance(which, ChosenNetwork) else self.network(which, searched=searched)


def _number(which: SupportsIndex) -> int:
    try:
        return operator.index(which)
    except TypeError:
        raise InvalidInputError(
            f"which must be a trial's number, or one of {PICKS}, but got {which!r}"
        ) from None
