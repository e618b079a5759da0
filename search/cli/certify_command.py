"""The command ``certify``. Slow imports stay inside."""

from __future__ import annotations

from typing import Annotated

import typer

from search.cli import completion
from search.cli.options import AsJson, Folder
from search.cli.panels import DATA, MACHINE, SEARCH, STUDY, TRAINING


def certify(
    folder: Folder,
    seeds: Annotated[
        int, typer.Option(help="Trainings of each network, each from another seed.", rich_help_panel=TRAINING)
    ] = 5,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of each training.  [default: the study's]", rich_help_panel=TRAINING),
    ] = None,
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
    data: Annotated[
        str | None,
        typer.Option(help="The images, if they were moved.  [default: the study's]", rich_help_panel=DATA),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Parallel trainings.  [default: the study's]", rich_help_panel=MACHINE),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="Device: auto, cpu or cuda.  [default: the study's]",
            autocompletion=completion.devices,
            rich_help_panel=MACHINE,
        ),
    ] = None,
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
    certify_and_print(CertificationRequest(folder, seeds, wanted, options, FLAGS), as_json=as_json)
