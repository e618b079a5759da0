"""The commands that run or repeat a search: search, verify, simulate. Slow imports stay inside."""

from __future__ import annotations

from typing import Annotated

import typer

from search.cli import completion
from search.cli.options import (
    AsJson,
    Folder,
    device_option,
    epochs_option,
    image_size_of,
    number_or_text,
    path_of,
    searched_sizes_of,
    set_option,
    target_option,
)
from search.cli.panels import DATA, MACHINE, OUTPUT, SEARCH, STUDY


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
    target: Annotated[
        str | None,
        target_option(
            "The device: limits, objectives, size of images and formats of exports; see 'mgnas presets'."
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
        set_option(
            "Set a key of the study file, such as train.lr=0.1; repeatable. 'mgnas help study-file' lists "
            "all keys and defaults."
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
    standby: Annotated[
        bool,
        typer.Option(
            "--standby",
            help="Wait while another driver is at work on the study, and take over at its end.",
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
            metavar="N|HxW|N,N...",
            help="Size of an imagefolder's images in pixels, such as 64 or 48x64; 16,24,32 searches these sizes.  "
            "[default: the study's]",
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
            help="Objectives besides accuracy, with commas: params, macs, flash_kib and sram_kib of int8 C code, "
            "latency_ms, energy_j, activation_mib (memory of training).  [default: params, or the target's]",
            autocompletion=completion.costs,
            rich_help_panel=SEARCH,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Accuracy to maximise: float_accuracy, or int8_accuracy, that of the quantised network.  "
            "[default: float_accuracy]",
            autocompletion=completion.metrics,
            rich_help_panel=SEARCH,
        ),
    ] = None,
    epochs: Annotated[int | None, epochs_option("the study's")] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help="Parallel trainings.  [default: auto, one for each GPU or CPU core]",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    device: Annotated[str | None, device_option("auto, cpu or cuda.  [default: auto]")] = None,
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
        "search.metric": metric,
        "train.epochs": epochs,
        "data.image_size": None if (sizes := searched_sizes_of(image_size)) else image_size_of(image_size),
        "space.train": sizes,
        "search.workers": number_or_text(workers),
        "search.device": device,
    }
    request = Request(
        path_of("STUDY", study),
        preset,
        path_of("--dir", folder),
        options,
        assignments or [],
        FLAGS,
        target=target,
    )
    launch(request, repair=repair, standby=standby, as_json=as_json)


def verify(folder: Folder, as_json: AsJson = False) -> None:
    """Check that a study decides the same again on its recorded trainings. Exit code 1 if it does not."""
    from search.cli.verify import print_verification

    path = path_of("DIR", folder)
    assert path is not None
    raise typer.Exit(print_verification(path, as_json))


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
    workers: Annotated[int, typer.Option(help="Simulated workers.", rich_help_panel=MACHINE)] = 1,
    seeds: Annotated[
        int,
        typer.Option(help="Simulations of each method, each from another seed.", rich_help_panel=SEARCH),
    ] = 20,
    hours: Annotated[
        float | None,
        typer.Option(
            help="Simulated hours of each search.  [default: 60 average trainings]", rich_help_panel=SEARCH
        ),
    ] = None,
    picture: Annotated[
        str | None,
        typer.Option(metavar="FILE.svg", help="Draw the hypervolume over time.", rich_help_panel=OUTPUT),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare samplers and schedulers on recorded trainings. A search takes seconds; nothing is trained."""
    from search.cli.simulate import simulate_table

    drawing = path_of("--picture", picture)
    methods = methods or ["frontier:freeze_thaw", "frontier", "tpe", "random"]
    simulate_table(table, methods, workers, seeds, hours, drawing, as_json)
