"""The commands that show a study's results: status, front, compare, report, dashboard. Slow imports stay inside."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from search.cli import completion
from search.cli.options import AsCsv, AsJson, Folder, output_option, path_of, refuse_two_forms
from search.cli.panels import OUTPUT, STUDY


def status(
    folder: Folder,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Show the status again and again until the search ends.", rich_help_panel=OUTPUT
        ),
    ] = False,
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="With --watch: the time between two readings.  [default: 2 on a terminal, 30 elsewhere]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the progress of a study. For a running search, also its workers, rungs, rates and time left."""
    from search.cli.status import print_status, watch_status
    from space.core.errors import InvalidInputError

    if watch:
        watch_status(folder, interval, as_json=as_json)
    elif interval is not None:
        raise InvalidInputError("--interval requires --watch")
    else:
        print_status(folder, as_json=as_json)


def front(
    folder: Folder,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Print the Pareto front, with certified figures first if there is a certification.

    The front is that of validation accuracy against parameters, or against the costs of the study.
    """
    from results.certification.summary import front_document
    from results.certification.text import print_certification
    from results.front import complete_trials
    from results.open import open_study
    from results.study_text import print_study_front
    from results.tables import print_json, print_references, write_front_csv

    refuse_two_forms(as_json, as_csv)
    results = open_study(folder)
    certification = results.certification
    if as_json:
        print_json(front_document(results))
    elif as_csv:
        write_front_csv(results.front_records, sys.stdout, results.objectives)
    elif not results.front_records:
        typer.echo(f"{results.name}: {results.why_no_front}")
    else:
        if certification is not None:
            print_certification(certification, results.objectives, sys.stdout)
            typer.echo("figures of the search, one training of each network on validation images:\n")
        print_study_front(results, sys.stdout)
        if references := complete_trials(results.references):
            typer.echo("\ncompared with:\n")
            print_references(references, sys.stdout, results.objectives, is_int8=results.header.is_int8)


def compare(
    folders: Annotated[list[str], typer.Argument(metavar="DIR", help="The folders of two or more studies.")],
    group: Annotated[
        str | None,
        typer.Option(
            metavar="KEYS",
            help="Keys of the study file, with commas: studies with equal values are repeats of one method. "
            "'study': each study is a method.  [default: all keys but seed, budget and machine]",
            rich_help_panel=STUDY,
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print the studies as CSV on stdout.", rich_help_panel=OUTPUT)
    ] = False,
    output: Annotated[str | None, output_option("FILE.html", "Also write a page with charts.")] = None,
) -> None:
    """Compare studies of the same images: hypervolume, attainment surfaces, a test, dominance."""
    from search.cli.compare import compare_studies

    compare_studies(folders, group, path_of("--output", output), as_json=as_json, as_csv=as_csv)


def report(
    folder: Folder,
    output: Annotated[str | None, output_option("FILE", "The HTML file.  [default: DIR/report.html]")] = None,
    figures: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Write every chart as a file into this folder too. Needs the extra 'images' and Chrome, except "
            "for html.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            help="With --figures: formats, with commas: svg, png, pdf, html.  [default: svg,png]",
            autocompletion=completion.figure_formats,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Serve the report as a page that refreshes itself while the search runs. Only this machine "
            "reaches it.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            help="With --watch: the port; 0 for any free one.  [default: 8000]", rich_help_panel=OUTPUT
        ),
    ] = None,
) -> None:
    """Write the report of a study, one HTML file that works offline, or serve it during the search."""
    from search.cli.report import write_report
    from space.core.errors import InvalidInputError

    if not watch:
        if port is not None:
            raise InvalidInputError("--port requires --watch")
        if formats is not None and figures is None:
            raise InvalidInputError("--formats requires --figures")
        write_report(folder, path_of("--output", output), path_of("--figures", figures), formats)
        return
    from search.cli.live_pages import watch_report

    for option, value in (("--output", output), ("--figures", figures), ("--formats", formats)):
        if value is not None:
            raise InvalidInputError(f"--watch and {option} exclude each other")
    watch_report(folder, 8000 if port is None else port)


def dashboard(
    folder: Folder,
    port: Annotated[int, typer.Option(help="The port; 0 for any free one.", rich_help_panel=OUTPUT)] = 8080,
) -> None:
    """Serve Optuna Dashboard on a study. Only this machine reaches it; it changes nothing."""
    from search.cli.live_pages import serve_dashboard

    serve_dashboard(folder, port)
