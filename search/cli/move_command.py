"""The command ``mgnas move``. Slow imports stay inside."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from search.cli.options import AsJson, Folder
from search.cli.panels import STUDY


def move(
    folder: Folder,
    storage: Annotated[
        str,
        typer.Option(
            metavar="sqlite|URL",
            help="The new database: sqlite (study.db in the folder), or postgresql+psycopg://HOST/DATABASE.",
            rich_help_panel=STUDY,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Move a study, finished or half-way, to another database. The folder stays where it is."""
    from results.tables import print_json
    from search.study.move import move_study

    def say(text: str) -> None:
        (sys.stderr if as_json else sys.stdout).write(f"{text}\n")

    moved = move_study(folder, storage, say)
    if as_json:
        print_json([{"study": str(one.folder), "storage": one.place, "rows": one.num_rows} for one in moved])
