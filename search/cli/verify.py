"""``mgnas verify DIR``: does a study decide the same again, given what its ledger has recorded?"""

from __future__ import annotations

import sys
from pathlib import Path

from results.tables import print_json
from search.study.verify import verify


def print_verification(folder: Path, as_json: bool) -> int:
    """Verify the study in ``folder`` and print the result.

    Returns:
        The exit code: 0 if every decision is as recorded, 1 if one differs.

    Raises:
        InvalidInputError: The folder holds no study, a search is running in it, or its ledger is incomplete.
    """
    verified = verify(folder)
    if as_json:
        print_json(
            {
                "study": str(folder),
                "same": verified.num_same,
                "difference": verified.difference,
                "changed_versions": list(verified.changed_versions),
            }
        )
    elif verified.difference is None:
        sys.stdout.write(f"{folder}: {verified.num_same} decisions, all as recorded\n")
    else:
        sys.stdout.write(
            f"{folder}: after {verified.num_same} decisions as recorded: {verified.difference}\n"
        )
        if verified.changed_versions:
            sys.stdout.write(
                f"the study began with {'; '.join(verified.changed_versions)}: other versions may decide otherwise\n"
            )
    return int(verified.difference is not None)
