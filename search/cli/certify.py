"""``mgnas certify DIR``: certify the front of a study and print the certified figures."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial

from results.certification.summary import summary
from results.certification.text import print_certification
from results.storage.study_files import REPORT
from results.tables import print_json
from search.study.certify import CertificationRequest, certify_study
from search.study.driver import SearchError
from search.study.outputs import outputs_are_fresh
from search.study.progress import progress_for
from space.core.atomic_files import shell_word


def certify(request: CertificationRequest, *, as_json: bool) -> None:
    """Certify a study and print the figures.

    Raises:
        InvalidInputError: As ``certify_study``.
        SearchError: No training has a result, or the trainings cannot continue.
    """
    try:
        study = certify_study(request, partial(progress_for, sys.stderr))
    except (KeyboardInterrupt, SystemExit):
        with suppress(BrokenPipeError):
            sys.stderr.write("\nstopped; every finished epoch is kept. Resume with the same command\n")
        raise
    certification = study.certification
    if certification is None:
        raise SearchError(f"{study.folder}: no network is measured on the test split")
    if as_json:
        print_json({"study": study.name, **summary(certification, study.objectives)})
        return
    print_certification(certification, study.objectives, sys.stdout)
    if outputs_are_fresh(study.folder, [REPORT]):
        sys.stdout.write(f"report: {study.folder / REPORT}\n")
    sys.stdout.write(f"export: mgnas export {shell_word(study.folder)}\n")
