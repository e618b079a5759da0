"""The commands about single networks: describe and train. Imports of the rooms stay inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.cli import completion
from search.cli.options import AsJson, Plugins, load_plugins_named, path_of


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
        str | None,
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
    from search.cli.describe import ImageOptions, describe_network
    from space.core.errors import InvalidInputError

    if (spec is None) == (space is None):
        raise InvalidInputError("describe takes either a network (SPEC) or --space STUDY")
    load_plugins_named(plugins)
    images = ImageOptions(image_size, channels, classes)
    if spec is not None:
        if assignments:
            raise InvalidInputError("--set goes with --space")
        describe_network(spec, images, as_json)
        return
    from search.cli.describe_space import describe_space
    from search.study.resolve import Request, resolve

    config, _ = resolve(Request(path_of("--space", space), assignments=assignments or []))
    describe_space(config, images, as_json)


def train(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...",
            help="A reference's name (see 'mgnas presets'), the papers' notation, or a spec's JSON file.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="The images, as for 'search'.  [default: the preset's]", show_default=False),
    ] = None,
    data_root: Annotated[str | None, typer.Option(help="The folder of mnist, cifar10 and the like.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of each training.")] = None,
    seeds: Annotated[int, typer.Option(help="Trainings of each network, each from another seed.")] = 1,
    seed: Annotated[int | None, typer.Option(help="The first of the seeds.")] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="The study's folder.  [default: runs/train-ARCH]",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Whose recipe: a preset, a study's file or folder; without --data, its images too.  "
            "[default: the preset that suits the images]",
            show_default=False,
            autocompletion=completion.presets,
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
    """Train networks as a study: their curves, accuracy over seeds, speed, latency and weights."""
    from search.cli.train import train as train_and_print
    from search.study.named_networks import NamedNetworks
    from search.study.resolve import FLAGS, Request, study_or_preset

    load_plugins_named(plugins)
    options = {
        "data.source": data,
        "data.root": data_root,
        "train.epochs": epochs,
        "search.seed": seed,
        "execution.threads": threads,
    }
    path, name = study_or_preset(preset)
    base = Request(path, name, None, options, assignments or [], FLAGS, resumes=False)
    files = [Path(file) for file in plugins or []]
    networks = NamedNetworks(specs, seeds, path_of("--output", output), files)
    train_and_print(networks, base, as_json=as_json)
