"""The command line: its commands in the order in which ``mgnas --help`` lists them.

Imports of the rooms stay inside the commands, so that ``mgnas --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from search.cli.networks import describe, train
from search.cli.options import AsJson, Folder, path_of
from search.cli.studies import export, front, report, search, status

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Neural architecture search for compact image classifiers: launch a search, look at the Pareto "
    "front, export a network from it.",
)


def simulate(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="A file of recorded trainings, or a table that comes with mgnas: cifar16, digits8, grey16.",
        ),
    ],
    methods: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SAMPLER[:SCHEDULER]]...",
            help="What to compare.  [default: frontier:freeze_thaw frontier tpe random]",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Simulated workers.")] = 1,
    seeds: Annotated[int, typer.Option(help="Simulations of each method, each with another seed.")] = 20,
    hours: Annotated[
        float | None,
        typer.Option(
            help="Simulated hours of each search.  [default: 60 average trainings]", show_default=False
        ),
    ] = None,
    picture: Annotated[
        str | None, typer.Option(metavar="FILE.svg", help="Draw the hypervolume over time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare samplers and schedulers on recorded trainings. A search takes seconds; nothing is trained."""
    from search.cli.simulate import simulate_table

    drawing = path_of("--picture", picture)
    methods = methods or ["frontier:freeze_thaw", "frontier", "tpe", "random"]
    simulate_table(table, methods, workers, seeds, hours, drawing, as_json)


def verify(folder: Folder, as_json: AsJson = False) -> None:
    """Check that a study decides the same again on its recorded trainings. Exit code 1 if it does not."""
    from search.cli.verify import print_verification

    path = path_of("DIR", folder)
    assert path is not None
    raise typer.Exit(print_verification(path, as_json))


def presets(as_json: AsJson = False) -> None:
    """List the studies and the reference networks that come with mgnas."""
    from search.cli.presets import print_presets

    print_presets(as_json)


def calibrate(
    folder: Annotated[
        str | None,
        typer.Argument(
            metavar="[DIR]",
            help="A study's folder: the calibration that it keeps.  [default: that of new studies]",
            show_default=False,
        ),
    ] = None,
    renew: Annotated[bool, typer.Option("--renew", help="Measure this machine again first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how this machine trains fastest, as measured: date, load, choices."""
    from search.cli.calibrate import calibrate as print_calibrations

    print_calibrations(path_of("DIR", folder), renew, as_json)


def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    typer.echo(f"mgnas {installed('mgnas')}")


def help_on(
    topic: Annotated[
        str | None,
        typer.Argument(metavar="[TOPIC]", help="A command, or study-file.", show_default=False),
    ] = None,
) -> None:
    """Explain a command, or list every key of a study file with its default (study-file)."""
    if topic == "study-file":
        from search.cli.study_file_help import study_file

        typer.echo(study_file(), nl=False)
        return
    app([topic, "--help"] if topic else ["--help"], prog_name="mgnas", standalone_mode=False)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        version()
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


for command in (
    search, status, front, report, export, verify, describe, train, simulate, presets, calibrate, version
):  # fmt: skip
    app.command()(command)
app.command(name="help")(help_on)
