"""The commands about studies: search, status, front, report, export. Imports of the rooms stay inside."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from search.cli import completion
from search.cli.options import AsJson, Folder, image_size_of, number_or_text, path_of

WarmStart = Annotated[
    str | None, typer.Option(metavar="DIR", help="Begin with what an earlier study has found.")
]


def search(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]",
            help="A study file of your own, a preset, or a study's folder to go on in.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="A study that comes with mgnas; see 'mgnas presets'.", autocompletion=completion.presets
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="The images: digits, mnist, fashion_mnist, cifar10, cifar100, svhn, npz:FILE or "
            "imagefolder:PATH.",
            autocompletion=completion.sources,
        ),
    ] = None,
    data_root: Annotated[
        str | None,
        typer.Option(
            help="The folder of mnist, cifar10 and the like; they are downloaded into it if they are missing."
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Networks to try, in total over all runs.")] = None,
    hours: Annotated[float | None, typer.Option(help="Hours to search, in total over all runs.")] = None,
    max_params: Annotated[int | None, typer.Option(help="Try no network with more parameters.")] = None,
    costs: Annotated[
        str | None,
        typer.Option(
            help="What accuracy is weighed against, with commas: params, macs, activation_mib, latency_ms, "
            "energy_j.  [default: params]",
            show_default=False,
            autocompletion=completion.costs,
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of each training.")] = None,
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="N|HxW", help="Size of the images of an imagefolder in pixels, such as 64 or 48x64."
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help="Trainings side by side.  [default: one for each GPU, or CPU core]",
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="auto, cpu or cuda.", show_default=False, autocompletion=completion.devices),
    ] = None,
    warm_start: WarmStart = None,
    folder: Annotated[
        str | None,
        typer.Option(
            "--dir", metavar="DIR", help="The study's folder.  [default: runs/NAME]", show_default=False
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="Set a key of a section, such as train.epochs=20; repeatable.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The study's seed.")] = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Train networks again whose kept weights are missing or damaged."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search, or go on where the study in the folder stands. Without arguments: the digits demonstration."""
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


def status(folder: Folder, as_json: AsJson = False) -> None:
    """Say how far a study is; of a running search also its trainings, pace and time left."""
    from results.study import open_study
    from results.study_status import COUNTS, running_lines
    from results.tables import print_json

    results = open_study(folder)
    facts = results.status()
    if as_json:
        print_json(facts)
        return
    state = f"complete: {results.spent}" if results.complete else "not complete"
    typer.echo(f"{results.name}: {state}")
    for key in COUNTS:
        typer.echo(f"  {key:<12}{facts[key]}")
    if facts["silent"]:
        trials = ", ".join(map(str, facts["silent"]))
        typer.echo(f"  {'silent':<12}{len(facts['silent'])} (trials {trials}: their workers hang)")
    if "running_trials" in facts:
        for line in running_lines(facts, results.header.hours):
            typer.echo(line)


def front(
    folder: Folder,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout.")] = False,
) -> None:
    """Print the Pareto front: validation accuracy against parameters, or the costs of the study."""
    from results.front import complete_trials
    from results.study import open_study
    from results.study_text import print_study_front
    from results.tables import print_json, print_references, write_front_csv
    from space.core.errors import InvalidInputError

    if as_json and as_csv:
        raise InvalidInputError("--json and --csv exclude each other")
    results = open_study(folder)
    if as_json:
        print_json(results.summary())
    elif as_csv:
        write_front_csv(results.front_records, sys.stdout, results.header.costs)
    elif not results.front_records:
        typer.echo(f"{results.name}: {results.why_no_front}")
    else:
        print_study_front(results, sys.stdout)
        if references := complete_trials(results.references):
            typer.echo("\ncompared with:\n")
            print_references(references, sys.stdout, results.header.costs)


def report(
    folder: Folder,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The HTML file.  [default: DIR/report.html]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the report: one HTML file that works offline."""
    from results.study import open_study

    typer.echo(open_study(folder).report(path_of("--output", output)))


def export(
    folder: Folder,
    trial: Annotated[int | None, typer.Option(help="The trial's number.")] = None,
    pick: Annotated[
        str | None,
        typer.Option(
            help="within-1se (recommended: the smallest within one standard error of the best), best, knee, "
            "smallest, or a goal: 'accuracy>=0.97', 'within=1pt'.",
            autocompletion=completion.picks,
        ),
    ] = None,
    max_params: Annotated[
        int | None, typer.Option(help="With --pick: among networks of at most so many.")
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            help="Of spec,safetensors,onnx,pt2.  [default: spec,safetensors,onnx]",
            show_default=False,
            autocompletion=completion.formats,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="The folder to make.  [default: DIR/exports/trial-N]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Export a network of the front: spec, weights, ONNX, model card and a script that classifies images."""
    from search.cli.export import export_network

    export_network(folder, trial, pick, max_params, formats, path_of("--output", output))
