"""The commands of studies: search, status, front, report, export, verify. Slow imports stay inside."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from search.cli import completion
from search.cli.options import AsJson, Folder, image_size_of, number_or_text, path_of
from search.cli.panels import DATA, MACHINE, OUTPUT, SEARCH, STUDY, TRAINING


def search(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]",
            help="A study file, a preset, or a study's folder.  [default: the preset that suits the images]",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="A preset; see 'mgnas presets'.",
            autocompletion=completion.presets,
            rich_help_panel=STUDY,
        ),
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(
            "--dir", metavar="DIR", help="The study's folder.  [default: runs/NAME]", rich_help_panel=STUDY
        ),
    ] = None,
    warm_start: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Learn from the trials of an earlier study.", rich_help_panel=STUDY),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The study's seed.  [default: 0]", rich_help_panel=STUDY)
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="Set a key of the study file, such as train.lr=0.1; repeatable. 'mgnas help study-file' lists "
            "all keys and defaults.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Train networks again whose weights are missing or damaged.",
            rich_help_panel=STUDY,
        ),
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            help="The images: digits, mnist, fashion_mnist, cifar10, cifar100, svhn, npz:FILE or "
            "imagefolder:PATH.  [default: the study's]",
            autocompletion=completion.sources,
            rich_help_panel=DATA,
        ),
    ] = None,
    data_root: Annotated[
        str | None,
        typer.Option(
            help="Folder of mnist, cifar10 and the like. Missing images are downloaded into it.  "
            "[default: ~/.cache/mgnas]",
            rich_help_panel=DATA,
        ),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="N|HxW",
            help="Size of an imagefolder's images in pixels, such as 64 or 48x64.  [default: the study's]",
            rich_help_panel=DATA,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(help="Total of trials over all runs.  [default: the study's]", rich_help_panel=SEARCH),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(help="Total of hours over all runs.  [default: no limit]", rich_help_panel=SEARCH),
    ] = None,
    max_params: Annotated[
        int | None,
        typer.Option(
            help="Limit of parameters of a network.  [default: the study's]", rich_help_panel=SEARCH
        ),
    ] = None,
    costs: Annotated[
        str | None,
        typer.Option(
            help="Objectives besides accuracy, with commas: params, macs, activation_mib, latency_ms, energy_j.  "
            "[default: params]",
            autocompletion=completion.costs,
            rich_help_panel=SEARCH,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of each training.  [default: the study's]", rich_help_panel=TRAINING),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help="Parallel trainings.  [default: auto, one for each GPU or CPU core]",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="auto, cpu or cuda.  [default: auto]",
            autocompletion=completion.devices,
            rich_help_panel=MACHINE,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a search, or resume the study in its folder. Without arguments: the digits demonstration."""
    from search.cli.search import launch
    from search.study.resolve import FLAGS, Request

    options = {
        "data.source": data,
        "data.root": data_root,
        "search.trials": trials,
        "search.hours": hours,
        "search.seed": seed,
        "space.max_params": max_params,
        "search.warm_start": warm_start,
        "search.costs": costs,
        "train.epochs": epochs,
        "data.image_size": image_size_of(image_size),
        "search.workers": number_or_text(workers),
        "search.device": device,
    }
    request = Request(
        path_of("STUDY", study), preset, path_of("--dir", folder), options, assignments or [], FLAGS
    )
    launch(request, repair=repair, as_json=as_json)


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
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV on stdout.", rich_help_panel=OUTPUT)
    ] = False,
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
    from space.core.errors import InvalidInputError

    if as_json and as_csv:
        raise InvalidInputError("--json and --csv exclude each other")
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
            print_references(references, sys.stdout, results.objectives)


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
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE.html",
            help="Also write a page with charts.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
) -> None:
    """Compare studies of the same images: hypervolume, attainment surfaces, a test, dominance."""
    from search.cli.compare import compare_studies

    compare_studies(folders, group, path_of("--output", output), as_json=as_json, as_csv=as_csv)


def report(
    folder: Folder,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The HTML file.  [default: DIR/report.html]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
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
    from results.open import open_study
    from space.core.errors import InvalidInputError

    if not watch:
        if port is not None:
            raise InvalidInputError("--port requires --watch")
        if formats is not None and figures is None:
            raise InvalidInputError("--formats requires --figures")
        study = open_study(folder)
        typer.echo(study.report(path_of("--output", output)))
        if (target := path_of("--figures", figures)) is not None:
            from results.plots.figure_files import DEFAULT_FORMATS

            names = DEFAULT_FORMATS if formats is None else [name.strip() for name in formats.split(",")]
            for path in study.figures(target, names, tell=lambda line: typer.echo(line, err=True)):
                typer.echo(path)
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
    """Serve Optuna Dashboard on a copy of the study. Only this machine reaches it; it changes nothing."""
    from search.cli.live_pages import serve_dashboard

    serve_dashboard(folder, port)


def export(
    folder: Folder,
    trial: Annotated[
        int | None, typer.Option(help="The number of the trial.", rich_help_panel="Network")
    ] = None,
    pick: Annotated[
        str | None,
        typer.Option(
            help="within-1se (recommended: the smallest within one standard error of the best), best, knee, "
            "smallest, or a goal: 'accuracy>=0.97', 'within=1pt'.",
            autocompletion=completion.picks,
            rich_help_panel="Network",
        ),
    ] = None,
    max_params: Annotated[
        int | None,
        typer.Option(
            help="With --pick: limit of parameters.  [default: no limit]", rich_help_panel="Network"
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            help="Formats, with commas: spec, safetensors, onnx, pt2, python, hub.  [default: all]",
            autocompletion=completion.formats,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="The folder of the export.  [default: DIR/exports/trial-N]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
) -> None:
    """Export a network in several formats, each compared with the trained network, and a model card."""
    from search.cli.export import export_network

    export_network(folder, trial, pick, max_params, formats, path_of("--output", output))


def verify(folder: Folder, as_json: AsJson = False) -> None:
    """Check that a study decides the same again on its recorded trainings. Exit code 1 if it does not."""
    from search.cli.verify import print_verification

    path = path_of("DIR", folder)
    assert path is not None
    raise typer.Exit(print_verification(path, as_json))
