"""The command line: all commands with their examples. Slow imports stay inside the commands."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import Annotated

import typer

from search.cli.move_command import move
from search.cli.network_commands import describe, export, predict
from search.cli.options import AsJson, path_of
from search.cli.panels import MACHINE, PanelCommand
from search.cli.results_commands import compare, dashboard, front, report, status
from search.cli.search_commands import search, simulate, verify
from search.cli.training_commands import certify, train

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Neural architecture search for compact image classifiers: run a search, analyse the Pareto front, "
    "export a network.",
)


def presets(as_json: AsJson = False) -> None:
    """List the presets and the networks of the papers."""
    from search.cli.presets import print_presets

    print_presets(as_json)


def calibrate(
    folder: Annotated[
        str | None,
        typer.Argument(
            metavar="[DIR]",
            help="A study's folder, for its calibration.  [default: the calibration of new studies]",
            show_default=False,
        ),
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Measure this machine again first.", rich_help_panel=MACHINE)
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the calibration of this machine: the fastest settings of a training, date and load."""
    from search.cli.calibrate import calibrate as print_calibrations

    print_calibrations(path_of("DIR", folder), renew, as_json)


def version() -> None:
    """Print the version."""
    from space.core.versions import installed_version

    typer.echo(f"mgnas {installed_version('mgnas')}")


def help_on(
    topic: Annotated[
        str | None,
        typer.Argument(metavar="[TOPIC]", help="A command, or study-file.", show_default=False),
    ] = None,
) -> None:
    """Print the help of a command, or every key of a study file with its default (study-file)."""
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
    """Accept the options before a command."""


COMMANDS: dict[Callable[..., None], str] = {
    search: """
        mgnas search digits --trials 12 --max-params 5000
        mgnas search --data imagefolder:photos --image-size 64 --costs params,latency_ms
        """,
    status: """
        mgnas status runs/digits
        mgnas status runs/digits --watch --json --interval 60 > status.jsonl
        """,
    front: """
        mgnas front runs/digits
        mgnas front runs/digits --csv > front.csv
        """,
    compare: """
        mgnas compare runs/a1 runs/a2 runs/b1 runs/b2
        mgnas compare runs/digits runs/other --group search.sampler -o compare.html
        """,
    report: """
        mgnas report runs/digits
        mgnas report runs/digits --watch
        """,
    dashboard: """
        mgnas dashboard runs/digits
        mgnas dashboard runs/digits --port 8081
        """,
    certify: """
        mgnas certify runs/digits
        mgnas certify runs/digits --seeds 3 --reference resnet18@0.25
        """,
    export: """
        mgnas export runs/digits
        mgnas export runs/digits --trial 3 --formats spec,onnx -o my_network
        """,
    predict: """
        mgnas predict exports/best photos
        mgnas predict exports/best digits.npz --json -o predictions.json
        """,
    verify: """
        mgnas verify runs/digits
        mgnas verify runs/digits --json
        """,
    move: """
        mgnas move runs/digits --storage postgresql+psycopg://db.example/studies
        mgnas move runs/digits --storage sqlite
        """,
    describe: """
        mgnas describe 'MgNet[2,2,2,2]-256-B^l'
        mgnas describe --space digits
        """,
    train: """
        mgnas train 'MgNet[2,2]-8-B^l' --data digits --epochs 2 --seeds 2
        mgnas train resnet18 --data cifar10 --set train.lr=0.1 -o runs/resnet18
        """,
    simulate: """
        mgnas simulate digits8 frontier:freeze_thaw random --seeds 2
        mgnas simulate my_table.jsonl frontier tpe --workers 8 --picture curves.svg
        """,
    presets: """
        mgnas presets
        mgnas presets --json
        """,
    calibrate: """
        mgnas calibrate
        mgnas calibrate --renew
        """,
    version: """
        mgnas version
        mgnas --version
        """,
}
"""Commands in the order of ``mgnas --help``, each with its examples."""

for command, examples in COMMANDS.items():
    app.command(cls=PanelCommand, epilog=cleandoc(examples))(command)
app.command(
    name="help",
    cls=PanelCommand,
    epilog="mgnas help search\nmgnas help study-file > my_study.toml",
)(help_on)
