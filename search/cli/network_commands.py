"""The commands of single networks: describe, train, predict. Slow imports stay inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.cli import completion
from search.cli.options import AsJson, Plugins, load_plugins_named, path_of
from search.cli.panels import DATA, MACHINE, OUTPUT, STUDY, TRAINING


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
            "--space",
            metavar="STUDY",
            help="Describe the search space of a study file, preset or study folder.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Side of the images in pixels.  [default: 32, the published, or the study's]",
            rich_help_panel=DATA,
        ),
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(help="Channels of the images.  [default: 3, or the study's]", rich_help_panel=DATA),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(
            help="Number of classes.  [default: 10, the published, or the study's]", rich_help_panel=DATA
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="With --space: set a key of the study file; repeatable.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """Print a network's parameters, MACs, memory and layers, or the size and ranges of a search space."""
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
        typer.Option(help="The images, as for 'search'.  [default: the preset's]", rich_help_panel=DATA),
    ] = None,
    data_root: Annotated[
        str | None,
        typer.Option(
            help="Folder of mnist, cifar10 and the like.  [default: ~/.cache/mgnas]", rich_help_panel=DATA
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of each training.  [default: the preset's]", rich_help_panel=TRAINING),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(help="Trainings of each network, each from another seed.", rich_help_panel=TRAINING),
    ] = 1,
    seed: Annotated[
        int | None, typer.Option(help="The first seed.  [default: 0]", rich_help_panel=TRAINING)
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="The study's folder.  [default: runs/train-ARCH]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="A preset, study file or study folder that gives the recipe; without --data, also the images.  "
            "[default: the preset that suits the images]",
            autocompletion=completion.presets,
            rich_help_panel=STUDY,
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="Set a key of the study file, such as train.lr=0.1; repeatable.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Torch threads on a CPU.  [default: the fastest, as calibrated]", rich_help_panel=MACHINE
        ),
    ] = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """Train named networks as a study. Prints accuracy over seeds, speed, latency and files of weights."""
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


def predict(
    export_path: Annotated[
        str,
        typer.Argument(
            metavar="EXPORT", help="The folder of an export, or its file .onnx, .safetensors or .pt2."
        ),
    ],
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGES...",
            help="Image files, folders, and .npz files (x_test or x; y_test or y). Folders named like classes "
            "are labels.",
        ),
    ],
    top: Annotated[int, typer.Option(help="Number of classes for each image.", rich_help_panel=OUTPUT)] = 1,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="onnxruntime|torch",
            help="The package that runs the network.  [default: onnxruntime if possible]",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV on stdout.", rich_help_panel=OUTPUT)
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The file.  [default: stdout]", rich_help_panel=OUTPUT
        ),
    ] = None,
) -> None:
    """Classify images with an exported network. With labels, also print accuracy and confusion matrix.

    An image that cannot be read is named on stderr and skipped. Exit code 1 if images were skipped, 2 if none
    could be read.
    """
    from search.cli.predict import predict_images
    from space.core.errors import InvalidInputError

    if as_json and as_csv:
        raise InvalidInputError("--json and --csv exclude each other")
    export_folder, file = path_of("EXPORT", export_path), path_of("--output", output)
    assert export_folder is not None
    form = "json" if as_json else "csv" if as_csv else "table"
    raise typer.Exit(predict_images(export_folder, images, form, file, top, backend))
