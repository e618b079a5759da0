"""The command line: its commands in the order in which ``mgnas --help`` lists them.

Imports of the rooms stay inside the commands, so that ``mgnas --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from search.cli.networks import describe, train
from search.cli.options import AsJson, path_of
from search.cli.studies import export, front, report, search, status

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Neural architecture search for compact image classifiers: launch a search, look at the Pareto "
    "front, export a network from it.",
)


def replay(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="A file of recorded trainings; 'cifar16', 'digits8' or 'grey16', which come with mgnas; or "
            "a study's folder: is the same decided again?",
        ),
    ],
    searches: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SAMPLER[:SCHEDULER]]...",
            help="What to compare.  [default: frontier:freeze_thaw frontier tpe random]",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Simulated workers.  [default: 1]", show_default=False)
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Searches of each kind.  [default: 20]", show_default=False)
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            help="Simulated hours of a search.  [default: 60 average trainings]", show_default=False
        ),
    ] = None,
    picture: Annotated[
        str | None, typer.Option(metavar="FILE.svg", help="Draw the hypervolume over time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare samplers and schedulers on recorded trainings: a search takes seconds, and trains nothing."""
    from search.cli.simulate import check_study, replay_table

    path, drawing = path_of("TABLE", table), path_of("--picture", picture)
    assert path is not None
    if path.is_dir():
        options = {"--workers": workers, "--seeds": seeds, "--hours": hours, "--picture": picture}
        given = [name for name, value in options.items() if value is not None]
        raise typer.Exit(check_study(path, searches or [], given, as_json))
    searches = searches or ["frontier:freeze_thaw", "frontier", "tpe", "random"]
    replay_table(
        path,
        searches,
        1 if workers is None else workers,
        20 if seeds is None else seeds,
        hours,
        drawing,
        as_json,
    )


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


for command in (search, status, front, report, export, describe, train, replay, presets, calibrate, version):
    app.command()(command)
app.command(name="help")(help_on)
