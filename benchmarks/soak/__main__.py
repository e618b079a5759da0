"""A soak: a search of many tiny trainings whose workers and driver are killed every few seconds.

    python -m benchmarks.soak [--trials 2000] [--storage sqlite|postgresql|URL] [--executor local|ray]
        [--seed 0] [--every 5] [--home FOLDER] [--minutes 30] [--json] [--write]

The same command of ``mgnas search`` runs again after each end of its driver, until the study is complete. Then the
books are checked. The exit code is 1 if something is wrong. ``--home`` keeps the files; the same command goes on
with them. ``postgresql`` starts a server of its own, which ends with the soak.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.soak.books import ended_trials, wrong_books
from benchmarks.soak.runs import Soak
from benchmarks.soak.search import Searched, SoakFolder
from benchmarks.soak.summary import summarise, table
from results.storage.location import SQLITE
from search.executors.slots import count_cores

RESULTS = Path(__file__).parents[1] / "results" / "soak.json"


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--storage", default=SQLITE, help="sqlite, postgresql, or the URL of a database")
    parser.add_argument("--executor", choices=("local", "ray"), default="local")
    parser.add_argument("--workers", type=int, default=min(2, count_cores()))
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--scheduler", default="asha")
    parser.add_argument("--seed", type=int, default=0, help="of the kills")
    parser.add_argument("--every", type=float, default=5.0, help="mean seconds between two kills")
    parser.add_argument("--home", type=Path, help="keep the files here; the same command continues with them")
    parser.add_argument("--minutes", type=float, help="start no further run of the driver after so long")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--write", action="store_true", help=f"add the result to {RESULTS.name}")
    arguments = parser.parse_args(options)
    print(f"seed {arguments.seed}", file=sys.stderr)
    with home_of(arguments.home) as home, database_of(arguments.storage) as storage:
        searched = Searched(
            arguments.trials,
            storage,
            arguments.executor,
            arguments.workers,
            arguments.sampler,
            arguments.scheduler,
        )
        result = soaked(SoakFolder(home), searched, arguments)
    if arguments.write:
        write(result)
    print(json.dumps(result, indent=2) if arguments.json else table(result))
    if result["problems"]:
        sys.exit(1)


def handle_signals() -> None:
    """End the server and the search with the soak; interrupt the search also in a background job of a shell."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # the search would ignore it too
        signal.signal(signal.SIGINT, signal.default_int_handler)


def soaked(folder: SoakFolder, searched: Searched, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run a soak to its end and return its result."""
    folder.write(searched)
    soak = Soak(folder, searched, arguments.seed, arguments.every)
    is_complete = soak.run(None if arguments.minutes is None else 60 * arguments.minutes)
    wrong = wrong_books(folder.study, searched.trials) if is_complete else ["the study is not complete"]
    if left := folder.temporary_files():
        wrong.append(f"{len(left)} temporary files are left: {left[0]}")
    states = ended_trials(folder.study) if folder.study.exists() else Counter[str]()
    head = {
        "benchmark": "soak",
        "machine": describe_machine(),
        "storage": searched.storage.partition("+")[0],
        "executor": searched.executor,
        "workers": searched.workers,
        "search": f"{searched.sampler}:{searched.scheduler}",
        "asked": searched.trials,
        "seed": arguments.seed,
        "every_s": arguments.every,
    }
    return head | summarise(soak.lines(), wrong, states)


def write(result: dict[str, Any]) -> None:
    """Add a result to the committed ones, by its database or its cluster."""
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    known[result["executor"] if result["executor"] == "ray" else result["storage"]] = result
    RESULTS.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


@contextmanager
def home_of(folder: Path | None) -> Iterator[Path]:
    """Yield the folder of the soak; one in /tmp, with the short path that Ray needs, is removed at the end."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    made = Path(tempfile.mkdtemp(prefix="soak-", dir="/tmp"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def database_of(storage: str) -> Iterator[str]:
    """Yield ``search.storage``; ``postgresql`` is a new database on a server of its own."""
    if storage != "postgresql":
        yield storage
        return
    from tests.support.postgres import PostgresServer

    server = PostgresServer()
    try:
        yield server.new_database()
    finally:
        server.close()


if __name__ == "__main__":
    handle_signals()
    main()
