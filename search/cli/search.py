"""``mgnas search``: run a search and print its result."""

from __future__ import annotations

import sys
from contextlib import closing, suppress

from results.front import complete_trials
from results.open import Study
from results.picks import RECOMMENDED
from results.storage.study_files import REPORT
from results.storage.waiting import Wait, patient
from results.study_text import print_study_front
from results.tables import print_json, print_references
from search.study.driver import SearchError
from search.study.folder import StudyFolder
from search.study.outputs import outputs_are_fresh
from search.study.progress import progress_for
from search.study.resolve import Request, resolve
from search.study.run import run_study
from space.core.atomic_files import shell_word
from space.core.text import duration
from trainers.device.allocator import keep_freed_memory


def launch(request: Request, *, repair: bool = False, standby: bool = False, as_json: bool = False) -> None:
    """Search, then print the front, the report's path and the command that exports a network.

    Args:
        request: The study and its options.
        repair: Train networks again whose weights are missing or damaged.
        standby: Wait for another driver of the study, and take over at its end.
        as_json: Print one JSON document instead of the tables.

    Raises:
        InvalidInputError: A value is unknown or out of range.
        SearchError: The search cannot continue, or no trial has a result.
    """
    with patient(Wait(tell=lambda text: sys.stderr.write(f"{text}\n"))):
        config, folder = resolve(request)
    keep_freed_memory()
    try:
        with closing(progress_for(sys.stderr)) as progress:
            results = run_study(config, folder, progress, repair=repair, standby=standby)
    except (KeyboardInterrupt, SystemExit):
        if StudyFolder(folder).has_study:
            again = f"mgnas search {shell_word(folder)}"
            with suppress(BrokenPipeError):  # Ctrl-C ends `tee` as well
                sys.stderr.write(f"\nstopped; finished epochs and trials are kept. Resume with: {again}\n")
        raise
    if not results.front_records:
        raise SearchError(f"{folder}: {results.why_no_front}")
    if as_json:
        is_fresh = outputs_are_fresh(results.folder, [REPORT])
        print_json(results.summary() | {"report": str(results.folder / REPORT) if is_fresh else None})
    else:
        _print_end(results)


def _print_end(results: Study) -> None:
    out = sys.stdout
    out.write(
        f"study {results.folder} is complete: {results.spent}; "
        f"{duration(results.searched_s)} of searching, hypervolume {results.hypervolume:.4f}\n\n"
    )
    print_study_front(results, out)
    if references := complete_trials(results.references):
        out.write("\ncompared with:\n\n")
        print_references(references, out, results.objectives, is_int8=results.header.is_int8)
    if outputs_are_fresh(results.folder, [REPORT]):
        out.write(f"\nreport: {results.folder / REPORT}\n")
    else:
        out.write("\nreport: not written\n")
    out.write(f"export: mgnas export {shell_word(results.folder)} --pick {RECOMMENDED}\n")
