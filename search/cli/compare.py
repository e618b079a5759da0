"""The command ``mgnas compare``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from results.comparison.compare import compare
from results.comparison.text import print_comparison
from results.tables import print_json
from search.cli.options import refuse_two_forms


def compare_studies(
    folders: Sequence[str], group: str | None, output: Path | None, *, as_json: bool, as_csv: bool
) -> None:
    """Print the comparison of studies, and write its page if ``output`` is given.

    Raises:
        InvalidInputError: The studies cannot be compared, or the options exclude each other.
    """
    refuse_two_forms(as_json, as_csv)
    comparison = compare(folders, group)
    if output is not None:
        comparison.write_html(output)
    if as_json:
        print_json(comparison.to_dict())
    elif as_csv:
        sys.stdout.write(comparison.studies().to_csv(index=False, lineterminator="\n"))
    else:
        print_comparison(comparison, sys.stdout)
        if output is not None:
            sys.stdout.write(f"\npage: {output}\n")
