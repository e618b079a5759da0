"""The commands that train named networks: certify, train. Slow imports stay inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.cli import completion
from search.cli.options import (
    SPEC_HELP,
    AsJson,
    Folder,
    Plugins,
    SeedsOfEach,
    device_option,
    epochs_option,
    load_plugins_named,
    output_option,
    path_of,
    set_option,
)
from search.cli.panels import DATA, MACHINE, SEARCH, STUDY, TRAINING


def certify(
    folder: Folder,
    seeds: SeedsOfEach = 5,
    epochs: Annotated[int | None, epochs_option("the study's")] = None,
    trials: Annotated[
        list[int] | None,
        typer.Option(
            "--trial", metavar="N", help="Certify this trial only; repeatable.", rich_help_panel=STUDY
        ),
    ] = None,
    networks: Annotated[
        list[str] | None,
        typer.Option(
            "--network",
            metavar="SPEC",
            help="Certify this network only: a reference, notation or JSON file; repeatable.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    neighbours: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Most networks near the front.  [default: half as many as on the front]",
            rich_help_panel=STUDY,
        ),
    ] = None,
    references: Annotated[
        list[str] | None,
        typer.Option(
            "--reference",
            metavar="NAME",
            help="Compare with this reference, beside those of the study; repeatable. See 'mgnas presets'.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR",
            help="Compare with the front of another study of the same images; repeatable.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="best|EXPORT|STUDY:TRIAL",
            help="Imitate the logits of this network: best is that of the study.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="The images, if they were moved.  [default: the study's]", rich_help_panel=DATA),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Parallel trainings.  [default: the study's]", rich_help_panel=MACHINE),
    ] = None,
    device: Annotated[str | None, device_option("Device: auto, cpu or cuda.  [default: the study's]")] = None,
    as_json: AsJson = False,
) -> None:
    """Train the front again from several seeds, then measure it once on the held-out test images."""
    from results.open import open_study
    from search.cli.certify import certify as certify_and_print
    from search.study.certification_candidates import Wanted
    from search.study.certify import CertificationRequest
    from search.study.resolve import FLAGS

    wanted = Wanted(
        trials or (), networks or (), references or (), [open_study(one) for one in against or ()], neighbours
    )
    options = {
        "train.epochs": epochs,
        "data.source": data,
        "search.workers": workers,
        "search.device": device,
    }
    certify_and_print(CertificationRequest(folder, seeds, wanted, options, FLAGS, teacher), as_json=as_json)


def train(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...",
            help=SPEC_HELP,
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
    epochs: Annotated[int | None, epochs_option("the preset's")] = None,
    seeds: SeedsOfEach = 1,
    seed: Annotated[
        int | None, typer.Option(help="The first seed.  [default: 0]", rich_help_panel=TRAINING)
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="EXPORT|STUDY:TRIAL",
            help="Imitate the logits of this network: an export, a file of weights or a trial.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    output: Annotated[
        str | None, output_option("DIR", "The study's folder.  [default: runs/train-ARCH]")
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
        list[str] | None, set_option("Set a key of the study file, such as train.lr=0.1; repeatable.")
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
    networks = NamedNetworks(specs, seeds, path_of("--output", output), files, teacher)
    train_and_print(networks, base, as_json=as_json)
