"""The commands of one network: describe, export, predict. Slow imports stay inside."""

from __future__ import annotations

from typing import Annotated

import typer

from search.cli import completion
from search.cli.options import (
    SPEC_HELP,
    AsCsv,
    AsJson,
    Folder,
    Plugins,
    load_plugins_named,
    output_option,
    path_of,
    refuse_two_forms,
    set_option,
    target_option,
)
from search.cli.panels import DATA, MACHINE, OUTPUT, STUDY


def describe(
    spec: Annotated[
        str | None,
        typer.Argument(
            metavar="[SPEC]",
            help=SPEC_HELP,
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
    target: Annotated[
        str | None, target_option("With --space: the device, as for 'search'; see 'mgnas presets'.")
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
        list[str] | None, set_option("With --space: set a key of the study file; repeatable.")
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
        if target is not None:
            raise InvalidInputError("--target goes with --space")
        describe_network(spec, images, as_json)
        return
    from search.cli.describe_space import describe_space
    from search.study.resolve import FLAGS, Request, resolve

    request = Request(path_of("--space", space), assignments=assignments or [], flags=FLAGS, target=target)
    config, _ = resolve(request)
    describe_space(config, images, as_json)


def export(
    folder: Folder,
    trial: Annotated[
        int | None, typer.Option(help="The trial of the search with this number.", rich_help_panel="Network")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A certified network by its name, notation or identity, such as a reference.",
            rich_help_panel="Network",
        ),
    ] = None,
    pick: Annotated[
        str | None,
        typer.Option(
            help="within-1se (recommended: the smallest within one standard error of the best), best, knee, "
            "smallest, or a goal: 'accuracy>=0.97', 'within=1pt'.  [default: within-1se]",
            autocompletion=completion.picks,
            rich_help_panel="Network",
        ),
    ] = None,
    max_params: Annotated[
        int | None,
        typer.Option(
            help="With a pick: limit of parameters.  [default: no limit]", rich_help_panel="Network"
        ),
    ] = None,
    searched: Annotated[
        bool,
        typer.Option(
            "--searched",
            help="Take figures and weights of the search although there is a certification.",
            rich_help_panel="Network",
        ),
    ] = False,
    finetune: Annotated[
        bool,
        typer.Option(
            "--finetune",
            help="First train the network some epochs with the rounding of its int8 code.",
            rich_help_panel="Network",
        ),
    ] = False,
    formats: Annotated[
        str | None,
        typer.Option(
            help="Formats, with commas: spec, safetensors, onnx, pt2, python, hub, onnx-int8, web, c.  "
            "[default: the target's, or all but the last three]",
            autocompletion=completion.formats,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    output: Annotated[
        str | None, output_option("DIR", "The folder of the export.  [default: DIR/exports/trial-N]")
    ] = None,
) -> None:
    """Export a network in several formats, each compared with the trained network, and a model card.

    After a certification, picks compare certified figures, and certified networks have its weights.
    """
    from search.cli.export import Wanted, export_network

    wanted = Wanted(trial, network, pick, max_params, searched)
    export_network(folder, wanted, formats, path_of("--output", output), finetune=finetune)


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
    as_csv: AsCsv = False,
    output: Annotated[str | None, output_option("FILE", "The file.  [default: stdout]")] = None,
) -> None:
    """Classify images with an exported network. With labels, also print accuracy and confusion matrix.

    An image that cannot be read is named on stderr and skipped. Exit code 1 if images were skipped, 2 if none
    could be read.
    """
    from search.cli.predict import predict_images

    refuse_two_forms(as_json, as_csv)
    export_folder, file = path_of("EXPORT", export_path), path_of("--output", output)
    assert export_folder is not None
    form = "json" if as_json else "csv" if as_csv else "table"
    raise typer.Exit(predict_images(export_folder, images, form, file, top, backend))
