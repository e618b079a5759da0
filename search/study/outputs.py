"""The output files of a study: tables, the report, and the learning curves of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from results.open import Study
from results.storage.reading import last_write_ns
from results.storage.study_files import REPORT
from results.tables import front_csv
from results.trainings import CURVES, curve_files, write_curves
from search.study.progress import Progress
from space.core.atomic_files import shell_word, write_atomic
from space.core.errors import InvalidInputError

OUTPUTS = ("trials.csv", "front.csv", REPORT)


def write_outputs(results: Study, progress: Progress) -> None:
    """Write ``trials.csv``, ``front.csv``, ``report.html`` and the curves of a plan into the study's folder.

    A write error does not affect the study: ``progress`` shows a warning, and the next run writes the file.

    Args:
        results: The study.
        progress: The display that shows the warnings.
    """
    folder = results.folder
    writers: dict[str, Callable[[Path], object]] = {
        "trials.csv": lambda path: write_atomic(path, results.trials().to_csv(index=False)),
        "front.csv": lambda path: write_atomic(path, front_csv(results.front_records, results.objectives)),
        REPORT: results.report,
    }
    if results.header.plan:
        writers[CURVES] = lambda _: write_curves(results)
    for name, write in writers.items():
        try:
            write(folder / name)
        except (OSError, InvalidInputError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            again = f"mgnas search {shell_word(folder)}"
            progress.note(
                f"warning: cannot write {folder / name}: {reason}; the study is not affected. "
                f"'{again}' writes it again"
            )


def output_names(results: Study) -> list[str]:
    """Return the names of the files that ``write_outputs`` writes."""
    return [*OUTPUTS, *(curve_files(results) if results.header.plan else ())]


def outputs_are_fresh(folder: Path, names: Iterable[str] = OUTPUTS) -> bool:
    """Return whether these files of a study exist and are at least as new as its ledger."""
    recorded = last_write_ns(folder)
    outputs = [folder / name for name in names]
    return all(file.exists() and file.stat().st_mtime_ns >= recorded for file in outputs)
