"""Certification: the front trained again from several seeds, then measured once on the held-out test split."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.certification.read import CANDIDATES, openings
from results.open import Study, open_study
from results.storage.held_out import OPENING
from results.storage.location import holds_study, locate
from results.storage.reading import reading_ledger
from results.storage.records import TrialRecord
from search.study.certification_candidates import Candidate, Wanted, candidates
from search.study.config import StudyConfig
from search.study.driver import SearchError
from search.study.folder import StudyFolder
from search.study.held_out_test import fingerprint, measure_held_out
from search.study.outputs import write_outputs
from search.study.plan import plan_config
from search.study.progress import Progress
from search.study.resolve import Request, resolve
from search.study.resume import check_images
from search.study.run import run_study
from search.study.teacher_files import TeacherFile, find_teacher
from space.core.errors import InvalidInputError, shown
from space.core.text import plural
from space.firmware.quantise import calibration_rows
from trainers.data.load_splits import load_held_out, load_search_data
from trainers.data.splits import HeldOutData, SearchData
from trainers.device.allocator import keep_freed_memory
from trainers.teacher_checks import check_teacher

FOLDER = "certification"
"""The folder of a certification in the folder of its study; other lengths of training add their epochs,
and a teacher its digest."""
MAX_SEEDS = 1000


@dataclass(frozen=True)
class CertificationRequest:
    """A certification as a user asks for it.

    Attributes:
        folder: The folder of the study.
        seeds: Trainings of each network.
        wanted: The networks.
        teacher: The network whose logits they imitate, as ``find_teacher`` takes it.
        options: Values by ``section.key`` that change the study's configuration; None leaves its value.
        flags: The option of each ``section.key``, for error messages.
    """

    folder: str | Path
    seeds: int = 5
    wanted: Wanted = field(default_factory=Wanted)
    options: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    teacher: str | None = None


def certify_study(request: CertificationRequest, make_progress: Callable[[str], Progress]) -> Study:
    """Certify networks of a study and return the study with its certification.

    The networks are trained from several seeds. Only then is the test split loaded, and each network is
    measured once. Both ledgers record this use before the first measurement. A stopped certification resumes;
    a complete one trains and measures nothing.

    Raises:
        InvalidInputError: A value is unknown or out of range, the study has no front, a search is running in
            its folder, the images are other ones, or they have no test split.
        SearchError: The trainings cannot continue, or none has a result.
        StorageFullError: The disk is full. The same command resumes.
    """
    if not 1 <= request.seeds <= MAX_SEEDS:
        raise InvalidInputError(f"seeds must be from 1 to {MAX_SEEDS}, but got {shown(request.seeds)}")
    study = open_study(request.folder)
    StudyFolder(study.folder).check()
    if study.header.plan:
        raise InvalidInputError(
            f"{study.folder} holds trainings of named networks; certify needs the study of a search"
        )
    chosen = candidates(study, request.wanted)
    config, _ = resolve(Request(study.folder, options=request.options, flags=request.flags, resumes=False))
    teacher = None if request.teacher is None else find_teacher(request.teacher, study)
    if teacher is not None:
        config = config.model_copy(update={"train": config.train.replaced({"teacher": teacher.digest})})
    keep_freed_memory()
    images = [_images(study, config)]
    if teacher is not None:
        _check_teacher(teacher, images[0], chosen)
    folder = study.folder / _folder_name(study, config)
    plan = _plan(study, config, folder, chosen, request.seeds)
    with closing(make_progress("trainings")) as progress:
        progress.note(_opening_line(study, chosen, request, config))
        trained = run_study(plan, folder, progress, images.pop, repair=True, teacher=teacher)
        if not trained.front_records:
            raise SearchError(f"{folder}: no training has a result; {trained.why_no_front}")
        _record_candidates(trained, chosen)
        _measure(study, trained, config, progress)
        certified = open_study(study.folder)
        write_outputs(certified, progress)
    return certified


def _images(study: Study, config: StudyConfig) -> SearchData:
    """Return the images of the study; raises InvalidInputError if they changed or have no test split."""
    data = load_search_data(config.data)
    check_images(StudyFolder(study.folder), study.header, config, data)
    if not data.num_held_out:
        raise InvalidInputError(
            f"{data.name} has no test images, so nothing can be certified; bring a test split, or search with "
            "data.test_fraction above 0"
        )
    return data


def _folder_name(study: Study, config: StudyConfig) -> str:
    searched, recipe = study.header.config["train"]["epochs"], config.train
    length = "" if recipe.epochs == searched else f"-{recipe.epochs}-epochs"
    return f"{FOLDER}{length}" + ("" if recipe.teacher is None else f"-teacher-{recipe.teacher}")


def _check_teacher(teacher: TeacherFile, data: SearchData, chosen: Sequence[Candidate]) -> None:
    """Refuse a teacher of other images, also where networks have an image size of their own."""
    sides = {one.recipe.get("image_size") for one in chosen}
    for side in sides:
        check_teacher(teacher.trained, data, teacher.name, (side, side) if isinstance(side, int) else None)


def _plan(
    study: Study, config: StudyConfig, folder: Path, chosen: Sequence[Candidate], num_seeds: int
) -> StudyConfig:
    """Return the plan of a certification; networks and seeds of an earlier one in ``folder`` remain in it."""
    networks = [one.notation for one in chosen]
    recipes = {one.notation: dict(one.recipe) for one in chosen if one.recipe}
    if holds_study(folder):
        known = open_study(folder).header.config["plan"]
        networks = list(dict.fromkeys([*known["networks"], *networks]))
        recipes |= known["recipes"]
        num_seeds = max(num_seeds, len(known["seeds"]))
    name = f"{study.header.name}-{folder.name}"
    return plan_config(config, name, networks, range(num_seeds), recipes=recipes)


def _opening_line(
    study: Study, chosen: Sequence[Candidate], request: CertificationRequest, config: StudyConfig
) -> str:
    origins = [one.origin for one in chosen]
    parts = [
        f"{origins.count(origin)} {text}"
        for origin, text in (
            ("front", "of the front"),
            ("neighbour", "near it"),
            ("named", "named"),
            ("reference", "references"),
            ("other study", "of other studies"),
        )
        if origin in origins
    ]
    return (
        f"certifying {plural(len(chosen), 'network')} of {study.folder} ({', '.join(parts)}): "
        f"{plural(request.seeds, 'seed')}, {plural(config.train.epochs, 'epoch')} each"
        + ("" if request.teacher is None else f", taught by {request.teacher} ({config.train.teacher})")
    )


def _record_candidates(trained: Study, chosen: Iterable[Candidate]) -> None:
    """Record why networks are certified, if it is not recorded yet."""
    with reading_ledger(trained.folder) as ledger:
        known = [network for _, detail in ledger.events(CANDIDATES) for network in detail["networks"]]
    found = [one.as_detail() for one in chosen]
    if any(one not in known for one in found):
        with StudyFolder(trained.folder).locked() as lock, closing(lock.ledger()) as ledger:
            ledger.write_event(CANDIDATES, ledger.clock_s(), networks=found)


def _measure(study: Study, trained: Study, config: StudyConfig, progress: Progress) -> None:
    """Measure the trainings without a result on the test split, and record its use in both ledgers first."""
    with reading_ledger(trained.folder) as ledger:
        results, opened = ledger.held_out(), ledger.events(OPENING)
    pending = [
        trial for trial in trained.records if trial.state == "complete" and trial.number not in results
    ]
    if not pending:
        return
    data = load_held_out(config.data)
    with StudyFolder(trained.folder).locked() as lock, closing(lock.ledger()) as ledger:
        if not _continues(opened, pending, data):
            _warn_if_known(study, progress)
            facts = _opening(trained, pending, data)
            ledger.write_event(OPENING, ledger.clock_s(), **facts, labels=data.test.labels.tolist())
        _record_opening(study, ledger.events(OPENING)[-1][1], progress)
        for sized, trials in _by_image_size(pending, config, data):
            calibration = _calibration(trained, trials[0], config)
            device, threads = _device(config), os.cpu_count() or 1
            for result in measure_held_out(trained.folder, trials, sized, device, threads, calibration):
                ledger.write_held_out(result)


def _by_image_size(
    trials: Sequence[TrialRecord], config: StudyConfig, data: HeldOutData
) -> Iterator[tuple[HeldOutData, list[TrialRecord]]]:
    """Yield the test images in each size that trials were trained with, and those trials."""
    for side in dict.fromkeys(trial.image_side for trial in trials):
        of_side = [trial for trial in trials if trial.image_side == side]
        yield data if side is None else load_held_out(config.data.sized(side)), of_side


def _calibration(trained: Study, trial: TrialRecord, config: StudyConfig) -> NDArray[np.uint8] | None:
    """Return the training images that quantise the networks of a study of int8 accuracy; None for other studies."""
    if not trained.header.is_int8:
        return None
    side = trial.image_side
    train = load_search_data(config.data if side is None else config.data.sized(side)).train
    return train.images[calibration_rows(len(train))]


def _device(config: StudyConfig) -> str:
    import torch

    return "cuda" if config.search.device != "cpu" and torch.cuda.is_available() else "cpu"


def _continues(
    opened: Sequence[tuple[float, dict[str, Any]]], pending: Sequence[TrialRecord], data: HeldOutData
) -> bool:
    """Return whether the last recorded use was for these trainings and was interrupted.

    Raises:
        InvalidInputError: The test split is another one than at its last use.
    """
    if not opened:
        return False
    last = opened[-1][1]
    if last["fingerprint"] != fingerprint(data):
        raise InvalidInputError(
            "the test split has other images than at its first use; restore them, or search in another folder"
        )
    covered = last["trials"]
    assert isinstance(covered, list)
    return all(trial.number in covered for trial in pending)


def _warn_if_known(study: Study, progress: Progress) -> None:
    if earlier := openings(study.folder):
        progress.note(
            f"warning: the test split was used before ({plural(len(earlier), 'time')}). Choices made since then "
            "make the new figures optimistic"
        )


def _opening(trained: Study, pending: Sequence[TrialRecord], data: HeldOutData) -> dict[str, Any]:
    return {
        "folder": trained.folder.name,
        "num_networks": len({trial.arch for trial in pending}),
        "num_images": len(data.test),
        "fingerprint": fingerprint(data),
        "trials": [trial.number for trial in pending],
    }


def _record_opening(study: Study, opening: dict[str, Any], progress: Progress) -> None:
    """Record a use of the test split in the study's ledger too, unless a stopped certification did so."""
    facts = {key: value for key, value in opening.items() if key != "labels"}
    with StudyFolder(study.folder).locked() as lock, closing(lock.ledger()) as ledger:
        if facts not in [detail for _, detail in ledger.events(OPENING)]:
            ledger.write_event(OPENING, ledger.clock_s(), **facts)
            progress.note(
                f"opening the held-out test split, {facts['num_images']} images; recorded in "
                f"{locate(study.folder).place}"
            )
