"""Completion of option values in the shell, without slow imports."""

from __future__ import annotations

from collections.abc import Iterable

DEVICES = ("auto", "cpu", "cuda")
METRICS = ("float_accuracy", "int8_accuracy")


def presets(incomplete: str) -> list[str]:
    """Return the presets that begin with ``incomplete``."""
    from search.study.study_file import preset_names

    return _beginning(preset_names(), incomplete)


def targets(incomplete: str) -> list[str]:
    """Return the targets that begin with ``incomplete``."""
    from space.targets.read import target_names

    return _beginning(target_names(), incomplete)


def picks(incomplete: str) -> list[str]:
    """Return the values of ``--pick`` that begin with ``incomplete``."""
    from results.picks import NAMED_PICKS

    return _beginning(NAMED_PICKS, incomplete)


def formats(incomplete: str) -> list[str]:
    """Return completions of the last format in ``incomplete``, a list with commas."""
    from results.export.formats import FORMATS

    return _in_list(FORMATS, incomplete)


def figure_formats(incomplete: str) -> list[str]:
    """Return completions of the last format of a figure in ``incomplete``, a list with commas."""
    from results.plots.figure_files import FORMATS

    return _in_list(FORMATS, incomplete)


def costs(incomplete: str) -> list[str]:
    """Return completions of the last cost in ``incomplete``, a list with commas."""
    from results.storage.objectives import COSTS

    return _in_list(COSTS, incomplete)


def metrics(incomplete: str) -> list[str]:
    """Return the values of ``--metric`` that begin with ``incomplete``."""
    return _beginning(METRICS, incomplete)


def devices(incomplete: str) -> list[str]:
    """Return the values of ``--device`` that begin with ``incomplete``."""
    return _beginning(DEVICES, incomplete)


def sources(incomplete: str) -> list[str]:
    """Return the image sources that begin with ``incomplete``; sources with a path end with a colon."""
    from trainers.data.sources import SOURCES

    names = (f"{name}:" if name in ("npz", "imagefolder") else name for name in SOURCES)
    return _beginning(names, incomplete)


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def _in_list(words: Iterable[str], incomplete: str) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    named = before.split(",")
    return [f"{before}{comma}{word}" for word in words if word.startswith(last) and word not in named]
