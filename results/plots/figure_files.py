"""The charts of a study as files: SVG, PNG and PDF by kaleido, HTML without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from results.plots.hypervolume_chart import AGAINST
from results.plots.study_plots import StudyPlots
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError, nearest, shown

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from results.study import StudyReader

FORMATS = ("svg", "png", "pdf", "html")
DEFAULT_FORMATS = ("svg", "png")
WIDTH, HEIGHT = 960, 560
"""The size of a figure in pixels; PNG has three times as many."""
_PNG_SCALE = 3
_INSTALL = "pip install 'mgnas[images]'"


def write_figures(
    study: StudyReader,
    folder: Path,
    formats: Sequence[str] = DEFAULT_FORMATS,
    tell: Callable[[str], None] = print,
) -> list[Path]:
    """Write every chart that the study has into ``folder``, and return the paths.

    Args:
        study: The study.
        folder: The folder; it is created if it is missing. Files of the same names are replaced.
        formats: Of ``svg``, ``png``, ``pdf`` and ``html``. HTML needs no kaleido; each file has 5 MB.
        tell: Receives one line for each figure that the study does not have, with the reason.

    Raises:
        InvalidInputError: A format is unknown, the study has no chart yet, ``folder`` is a file, or kaleido or
            Chrome is missing.
    """
    _check(folder, formats)
    figures, missing = study_figures(study)
    if not figures:
        raise InvalidInputError(f"{study.folder}: {study.why_no_front}, so there is no figure yet")
    paths = []
    with _Renderer(formats) as render:
        for name, reason in missing.items():
            tell(f"no figure {name}: {reason}")
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            for form in formats:
                paths.append(write_atomic(folder / f"{name}.{form}", render(figure, form)))
    return paths


def study_figures(study: StudyReader) -> tuple[dict[str, go.Figure], dict[str, str]]:
    """Return the charts of a study by their names, and the reasons why others cannot be made."""
    plots = StudyPlots(study)
    makers: dict[str, Callable[[], go.Figure]] = {
        "front" if cost.name == "params" else f"front-{cost.name}": partial(plots.front, cost.name)
        for cost in study.objectives.costs
    }
    makers |= {
        "hypervolume" if against == "time" else f"hypervolume-{against}": partial(plots.hypervolume, against)
        for against in AGAINST
    }
    makers |= {
        "curves": plots.curves,
        "rungs": plots.rungs,
        "effects": plots.effects,
        "parallel": plots.parallel,
    }
    figures, missing = {}, {}
    for name, make in makers.items():
        try:
            figures[name] = make()
        except InvalidInputError as error:
            missing[name] = str(error)
    return figures, missing


def _check(folder: Path, formats: Sequence[str]) -> None:
    for form in formats:
        if form not in FORMATS:
            raise InvalidInputError(
                f"a format must be one of {', '.join(FORMATS)}, but got {shown(form)}{nearest(form, FORMATS)}"
            )
    if folder.exists() and not folder.is_dir():
        raise InvalidInputError(f"{folder} is a file; name a folder for the figures")


class _Renderer:
    """Turns figures into bytes. One browser of kaleido draws all of them; HTML needs none."""

    def __init__(self, formats: Sequence[str]) -> None:
        self._needs_kaleido = any(form != "html" for form in formats)

    def __enter__(self) -> Callable[[go.Figure, str], bytes]:
        if self._needs_kaleido:
            _start_kaleido()
        return _render

    def __exit__(self, *_error: object) -> None:
        if self._needs_kaleido:
            import kaleido

            kaleido.stop_sync_server(silence_warnings=True)


def _start_kaleido() -> None:
    """Start kaleido's browser.

    Raises:
        InvalidInputError: kaleido or Chrome is missing, or Chrome does not start.
    """
    try:
        import kaleido
        from kaleido.errors import ChromeNotFoundError
    except ImportError:
        raise InvalidInputError(
            f"figures as SVG, PNG or PDF need the package kaleido: {_INSTALL}; --formats html needs none"
        ) from None
    try:
        kaleido.start_sync_server(silence_warnings=True)
        kaleido.calc_fig_sync({"data": [], "layout": {}}, opts={"format": "svg"})
    except ChromeNotFoundError:
        raise InvalidInputError(
            "kaleido draws with Chrome or Chromium, and this machine has none; install it, or run "
            "plotly_get_chrome; --formats html needs none"
        ) from None
    except (OSError, RuntimeError, ValueError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InvalidInputError(
            f"Chrome, which draws the figures, does not start: {first[:200]}; --formats html needs none"
        ) from None


def _render(figure: go.Figure, form: str) -> bytes:
    if form == "html":
        html: str = figure.to_html(include_plotlyjs=True, config={"displaylogo": False})
        return html.encode()
    import kaleido

    opts = {
        "format": form,
        "width": WIDTH,
        "height": figure.layout.height or HEIGHT,
        "scale": _PNG_SCALE if form == "png" else 1,
    }
    content: bytes = kaleido.calc_fig_sync(figure.to_dict(), opts=opts)
    return content
