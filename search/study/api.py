"""The Python API of searches and trainings, one call each."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, Protocol

from results.open import Study, open_study
from search.study.folder import GIVEN, StudyFolder
from search.study.given_images import write_given
from search.study.named_networks import NamedNetworks, train_named
from search.study.opened import with_images
from search.study.progress import Progress, Silent, progress_for
from search.study.resolve import FLAGS, Request, resolve, study_or_preset
from search.study.run import run_study
from search.study.streams import fill_closed_descriptors
from space.core.atomic_files import user_path
from space.core.errors import InvalidInputError, shown
from space.networks.plugins import load_plugins


class Dataset(Protocol):
    """What ``torch.utils.data.Dataset`` offers: pairs (image, label) by their index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def run_search(
    study: str | Path | None = None,
    *,
    target: str | Path | None = None,
    folder: str | Path | None = None,
    data: str | tuple[Any, Any] | Mapping[str, Any] | Dataset | None = None,
    data_root: str | Path | None = None,
    image_size: int | Sequence[int] | None = None,
    trials: int | None = None,
    hours: float | None = None,
    epochs: int | None = None,
    max_params: int | None = None,
    costs: str | Sequence[str] | None = None,
    metric: Literal["float_accuracy", "int8_accuracy"] | None = None,
    warm_start: str | Path | None = None,
    seed: int | None = None,
    workers: int | Literal["auto"] | None = None,
    device: Literal["auto", "cpu", "cuda"] | None = None,
    settings: Mapping[str, Any] | None = None,
    standby: bool = False,
    progress: bool = True,
) -> Study:
    """Run a search, or resume the study in its folder.

    The arguments are the options of ``mgnas search``. The search runs in worker processes; scripts need no
    ``__main__`` guard, and notebooks work.

    Args:
        study: A preset, or the path of a study file or a study folder. Default: the preset that suits the images.
        target: A device: its name, such as ``"arduino-nano-33-ble"``, or a file.
        folder: The study's folder. Default: runs/NAME.
        data: A source such as ``"imagefolder:PATH"``; arrays ``(x, y)``; a dictionary with the arrays of an ``npz``
            file; or a ``torch.utils.data.Dataset`` of images of one size and labels. Arrays and data sets are read
            once and written into the study's folder.
        data_root: Folder of the torchvision data sets.
        image_size: Size of the images of an ``imagefolder`` in pixels: one side, or (height, width).
        trials: Total of trials over all runs.
        hours: Total search time in hours over all runs.
        epochs: Epochs of each training.
        max_params: Limit of trainable parameters.
        costs: Objectives to minimise, such as ``["params", "latency_ms"]``.
        metric: Accuracy to maximise: that of the float network, or that of the int8 network.
        warm_start: Folder of an earlier study to learn from.
        seed: The study's seed.
        workers: Parallel trainings.
        device: Device of the trainings.
        settings: Other keys of the study file, such as ``{"train.lr": 0.05}``.
        standby: Whether to wait for another driver of the study, and to take over at its end.
        progress: Whether progress is written to stderr.

    Returns:
        The results of the study, complete or stopped.

    Raises:
        InvalidInputError: A value is unknown or out of range, the images are unusable, or the folder holds
            another study.
        SearchError: The search cannot continue. Its results are recorded.
        StorageFullError: The disk is full. The same call resumes the search.

    Example:
        >>> study = mgnas.run_search("digits", trials=12, max_params=5_000)
        >>> study.front()
    """
    chosen = None if folder is None else _path("folder", folder)
    if data is not None and not isinstance(data, str):
        chosen = chosen or _folder_of(study)
        data = write_given(data, chosen)
        if study is not None and chosen == _path("study", study):
            chosen = None
    named = {
        "data.source": data,
        "data.root": None if data_root is None else str(data_root),
        "data.image_size": image_size if image_size is None or isinstance(image_size, int) else [*image_size],
        "search.trials": trials,
        "search.hours": hours,
        "train.epochs": epochs,
        "space.max_params": max_params,
        "search.costs": costs if costs is None or isinstance(costs, str) else [*costs],
        "search.metric": metric,
        "search.warm_start": None if warm_start is None else str(warm_start),
        "search.seed": seed,
        "search.workers": workers,
        "search.device": device,
    }
    request = Request(
        study=None if study is None else _path("study", study),
        target=None if target is None else str(target),
        folder=chosen,
        options=_merged(named, settings),
    )
    config, path = resolve(request)
    fill_closed_descriptors()
    with closing(progress_for(sys.stderr) if progress else Silent()) as display:
        return with_images(run_study(config, path, display, standby=standby))


def train(
    specs: str | Sequence[str],
    *,
    folder: str | Path | None = None,
    data: str | None = None,
    data_root: str | Path | None = None,
    epochs: int | None = None,
    seeds: int = 1,
    seed: int | None = None,
    teacher: str | Path | None = None,
    preset: str | Path | None = None,
    threads: int | None = None,
    settings: Mapping[str, Any] | None = None,
    plugins: Sequence[str | Path] = (),
    progress: bool = True,
) -> Study:
    """Train named networks from several seeds, or resume these trainings.

    The arguments are the options of ``mgnas train``. The trainings run in worker processes.

    Args:
        specs: One network or several: references, notations, or JSON files of specs.
        folder: The study's folder. Default: runs/train-ARCH.
        data: A source such as ``"imagefolder:PATH"``. Default: the images of the preset.
        data_root: Folder of the torchvision data sets.
        epochs: Epochs of each training.
        seeds: Trainings of each network, each from another seed.
        seed: The first seed.
        teacher: The network whose logits they imitate: an export, a file of weights, or ``"STUDY:TRIAL"``.
        preset: The preset, study file or study folder that gives the recipe. Default: the preset that suits the
            images.
        threads: Torch threads of a training on a CPU.
        settings: Other keys of the study file, such as ``{"train.lr": 0.05}``.
        plugins: Python files that register the networks' families.
        progress: Whether progress is written to stderr.

    Returns:
        The results of the study: one trial for each network and seed.

    Raises:
        InvalidInputError: A value is unknown or out of range, the images are unusable, or the folder holds
            another study.
        SearchError: The trainings cannot continue. Their results are recorded.
        StorageFullError: The disk is full. The same call resumes the trainings.

    Example:
        >>> study = mgnas.train("MgNet[2,2]-8-B^l", data="digits", epochs=2, seeds=2)
        >>> [trial.val_accuracy for trial in study.records]
    """
    files = [_path("plugins", file) for file in plugins]
    load_plugins([str(file) for file in files])
    named = {
        "data.source": data,
        "data.root": None if data_root is None else str(data_root),
        "train.epochs": epochs,
        "search.seed": seed,
        "execution.threads": threads,
    }
    path, name = study_or_preset(None if preset is None else str(_path("preset", preset)))
    base = Request(path, name, options=_merged(named, settings), resumes=False)
    networks = NamedNetworks(
        specs=[specs] if isinstance(specs, str) else list(specs),
        num_seeds=seeds,
        folder=None if folder is None else _path("folder", folder),
        plugins=files,
        teacher=None if teacher is None else str(_path("teacher", teacher)),
    )
    fill_closed_descriptors()

    def display(noun: str) -> Progress:
        return progress_for(sys.stderr, noun) if progress else Silent()

    return with_images(train_named(networks, base, display))


def certify(
    folder: str | Path,
    *,
    seeds: int = 5,
    epochs: int | None = None,
    trials: Sequence[int] = (),
    networks: Sequence[str] = (),
    neighbours: int | None = None,
    references: Sequence[str] = (),
    against: Sequence[str | Path] = (),
    teacher: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Study:
    """Train the front of a study again from several seeds, then measure it once on the held-out test split.

    The arguments are the options of ``mgnas certify``. A stopped certification resumes.

    Args:
        folder: The study's folder.
        seeds: Trainings of each network.
        epochs: Epochs of each training. Default: those of the study.
        trials: Numbers of trials to certify instead of the front.
        networks: References, notations or JSON files to certify instead of the front.
        neighbours: The largest number of networks near the front. Default: half as many as on the front.
        references: References for comparison, beside those of the study.
        against: Folders of other studies whose fronts are compared.
        teacher: The network whose logits they imitate: ``"best"`` of the study, an export, a file of weights, or
            ``"STUDY:TRIAL"``.
        settings: Keys of the study file that change, such as ``{"search.workers": 4}``.
        progress: Whether progress is written to stderr.

    Returns:
        The study; ``study.certification`` has the certified figures.

    Raises:
        InvalidInputError: A value is unknown or out of range, the study has no front, or its images have no
            test split.
        SearchError: The trainings cannot continue. Their results are recorded.
        StorageFullError: The disk is full. The same call resumes.

    Example:
        >>> study = mgnas.certify("runs/digits", seeds=3)
        >>> [network.test.mean for network in study.certification.front]
    """
    from search.study.certification_candidates import Wanted
    from search.study.certify import CertificationRequest, certify_study

    others = [open_study(_path("against", one)) for one in against]
    wanted = Wanted(list(trials), list(networks), list(references), others, neighbours)
    options = _merged({"train.epochs": epochs}, settings)
    fill_closed_descriptors()

    def display(noun: str) -> Progress:
        return progress_for(sys.stderr, noun) if progress else Silent()

    taught = None if teacher is None else str(_path("teacher", teacher))
    request = CertificationRequest(_path("folder", folder), seeds, wanted, options, teacher=taught)
    return certify_study(request, display)


def _merged(named: Mapping[str, Any], settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return arguments and settings by ``section.key``; raises InvalidInputError for a key given twice."""
    if settings is not None and not isinstance(settings, Mapping):
        raise InvalidInputError(f"settings must be a dictionary, but got {shown(settings)}")
    settings = settings or {}
    for key, value in settings.items():
        if not isinstance(key, str) or not all(key.partition(".")):
            raise InvalidInputError(f"settings take section.key, such as train.epochs, but got {shown(key)}")
        if value is None:
            raise InvalidInputError(f"settings: {key} is None; give it a value, or leave it out")
        if named.get(key) is not None:
            name = FLAGS[key].removeprefix("--").replace("-", "_")
            raise InvalidInputError(f"{key} is given twice, as {name} and in settings")
    return {**named, **settings}


def _folder_of(study: str | Path | None) -> Path:
    """Return the default folder of a study of images in memory: the study's own folder, or runs/given."""
    own = None if study is None else _path("study", study)
    return own if own is not None and StudyFolder(own).has_study else Path("runs") / Path(GIVEN).stem


def _path(argument: str, value: str | Path) -> Path:
    if not isinstance(value, str | Path):
        raise InvalidInputError(f"{argument} must be a text or a path, but got {shown(value)}")
    return user_path(value, argument)
