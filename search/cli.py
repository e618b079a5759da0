"""The command line: what each command takes, and which function of the rooms it calls.

Imports of the rooms stay inside the commands, so that ``mgnas --help`` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Neural architecture search for compact image classifiers: launch a search, look at the Pareto "
    "front, export a network from it.",
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A study's folder.")]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="FILE", help="A Python file that registers families; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else there.")]
FLAGS = {
    "data.source": "--data",
    "data.root": "--data-root",
    "train.epochs": "--epochs",
    "execution.threads": "--threads",
    "search.trials": "--trials",
    "search.hours": "--hours",
    "search.seed": "--seed",
    "space.max_params": "--max-params",
    "search.costs": "--costs",
}
"""Keys of the configuration that have an option of their own."""


@app.command()
def search(
    study: Annotated[
        Path | None,
        typer.Argument(
            metavar="[STUDY]",
            help="A study file of your own, a preset, or a study's folder to go on in.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="A study that comes with mgnas; see 'mgnas presets'.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="The images: digits, mnist, fashion_mnist, cifar10, cifar100, svhn, npz:FILE or "
            "imagefolder:PATH."
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
        ),
    ] = None,
    warm_start: Annotated[
        str | None, typer.Option(metavar="DIR", help="Begin with what an earlier study has found.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="The study's folder.  [default: runs/NAME]", show_default=False),
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
    as_json: AsJson = False,
) -> None:
    """Search, or go on where the study in the folder stands. Without arguments: the digits demonstration."""
    from search.launch import Request, launch

    options = {
        "data.source": data,
        "data.root": data_root,
        "search.trials": trials,
        "search.hours": hours,
        "search.seed": seed,
        "space.max_params": max_params,
        "search.warm_start": warm_start,
        "search.costs": costs,
    }
    launch(Request(study, preset, folder, options, assignments or [], as_json, FLAGS))


@app.command()
def status(folder: Folder, as_json: AsJson = False) -> None:
    """Say how far a study is."""
    from results.study import open_study
    from results.tables import print_json
    from search.folder import StudyFolder

    results = open_study(folder)
    facts = results.status(driver_alive=StudyFolder(folder).is_locked())
    if as_json:
        print_json(facts)
        return
    state = f"complete: {results.spent}" if results.complete else "not complete"
    typer.echo(f"{results.name}: {state}")
    for key in ("trials", "finished", "running", "interrupted", "paused", "stopped", "failed", "epochs"):
        typer.echo(f"  {key:<12}{facts[key]}")


@app.command()
def front(
    folder: Folder,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout.")] = False,
) -> None:
    """Print the Pareto front of validation accuracy against parameters, or the study's costs."""
    from results.front import complete_trials
    from results.study import open_study
    from results.tables import print_front, print_json, print_references, write_front_csv
    from space.errors import InvalidInputError

    if as_json and as_csv:
        raise InvalidInputError("--json and --csv exclude each other")
    results = open_study(folder)
    if as_json:
        print_json(results.summary())
    elif as_csv:
        write_front_csv(results.front_records, sys.stdout, results.header.costs)
    elif not results.front_records:
        typer.echo(f"{results.name}: no trial has finished yet")
    else:
        print_front(results.front_records, sys.stdout, results.header.costs)
        if references := complete_trials(results.references):
            typer.echo("\ncompared with:\n")
            print_references(references, sys.stdout, results.header.costs)


@app.command()
def report(
    folder: Folder,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The HTML file.  [default: DIR/report.html]", show_default=False),
    ] = None,
) -> None:
    """Write the report: one HTML file that works offline."""
    from results.study import open_study

    typer.echo(open_study(folder).report(output))


@app.command()
def export(
    folder: Folder,
    trial: Annotated[int | None, typer.Option(help="The trial's number.")] = None,
    pick: Annotated[str | None, typer.Option(help="best, knee or smallest of the front.")] = None,
    max_params: Annotated[
        int | None, typer.Option(help="With --pick: among networks of at most so many.")
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            help="Of spec,safetensors,onnx,pt2.  [default: spec,safetensors,onnx]", show_default=False
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="The folder to make.  [default: DIR/exports/trial-N]", show_default=False),
    ] = None,
) -> None:
    """Export a network of the front: spec, weights, ONNX, model card and a script that classifies images."""
    from search.export_command import export_network

    export_network(folder, trial, pick, max_params, formats, to)


@app.command()
def describe(
    spec: Annotated[
        str | None,
        typer.Argument(
            metavar="[SPEC]",
            help="A reference's name (see 'mgnas presets'), the papers' notation, or a spec's JSON file.",
            show_default=False,
        ),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(
            "--space", metavar="STUDY", help="Describe the space of a study file, preset or folder."
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Pixels of a side.  [default: 32, or as published, or the study's]", show_default=False
        ),
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(help="Channels of an image.  [default: 3, or the study's]", show_default=False),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(
            help="Number of classes.  [default: 10, or as published, or the study's]", show_default=False
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="With --space: as for 'search'."),
    ] = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """Print a network's parameters, MACs, memory and layers, or the size and ranges of a study's space."""
    from search.describe_command import ImageOptions, describe_network
    from space.errors import InvalidInputError

    if (spec is None) == (space is None):
        raise InvalidInputError("describe takes either a network (SPEC) or --space STUDY")
    _load_plugins(plugins)
    images = ImageOptions(image_size, channels, classes)
    if spec is not None:
        if assignments:
            raise InvalidInputError("--set goes with --space")
        describe_network(spec, images, as_json)
        return
    from search.describe_space import describe_space
    from search.launch import Request, resolve

    config, _ = resolve(Request(space, None, None, {}, assignments or [], as_json))
    describe_space(config, images, as_json)


@app.command()
def train(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC",
            help="A reference's name (see 'mgnas presets'), the papers' notation, or a spec's JSON file.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="The images, as for 'search'.  [default: the preset's]", show_default=False),
    ] = None,
    data_root: Annotated[str | None, typer.Option(help="The folder of mnist, cifar10 and the like.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of each training.")] = None,
    seeds: Annotated[int, typer.Option(help="Trainings, each from another seed.")] = 1,
    seed: Annotated[int | None, typer.Option(help="The first of the seeds.")] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="The folder to train in.  [default: runs/train-ARCH]", show_default=False),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Whose recipe: a preset, a study's file or folder; without --data, its images too.  "
            "[default: the preset that suits the images]",
            show_default=False,
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="As for 'search', such as train.lr=0.1."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Threads of torch on a CPU.  [default: what is fastest]", show_default=False),
    ] = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """Train one network: its curve, accuracy over seeds, speed, latency and weights."""
    from search.launch import Request, study_or_preset
    from search.train_command import TrainRequest
    from search.train_command import train as train_network

    _load_plugins(plugins)
    options = {
        "data.source": data,
        "data.root": data_root,
        "train.epochs": epochs,
        "search.seed": seed,
        "execution.threads": threads,
    }
    study, name = study_or_preset(preset)
    base = Request(study, name, None, options, assignments or [], as_json, FLAGS, resumes=False)
    train_network(TrainRequest(spec, seeds, to, as_json), base)


@app.command()
def replay(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="A file of recorded trainings; 'cifar16' or 'digits8', which come with mgnas; or a study's "
            "folder: is the same decided again?",
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
    workers: Annotated[int, typer.Option(help="Simulated workers.")] = 1,
    seeds: Annotated[int, typer.Option(help="Searches of each kind.")] = 20,
    hours: Annotated[
        float | None,
        typer.Option(
            help="Simulated hours of a search.  [default: 60 average trainings]", show_default=False
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw the hypervolume over time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare samplers and schedulers on recorded trainings: a search takes seconds, and trains nothing."""
    from search.replay_command import check_study, replay_table

    if table.is_dir():
        raise typer.Exit(check_study(table, searches or [], as_json))
    searches = searches or ["frontier:freeze_thaw", "frontier", "tpe", "random"]
    replay_table(table, searches, workers, seeds, hours, picture, as_json)


@app.command()
def presets(as_json: AsJson = False) -> None:
    """List the studies and the reference networks that come with mgnas."""
    from search.presets_command import print_presets

    print_presets(as_json)


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    typer.echo(f"mgnas {installed('mgnas')}")


def _load_plugins(files: list[str] | None) -> None:
    from space.errors import InvalidInputError
    from space.plugins import load_plugins

    if not all(file.strip() for file in files or []):
        raise InvalidInputError("--plugin is empty; name a Python file, or leave it out")
    load_plugins(files or [])
