"""The teacher of a study: found by what a user names, and kept in the study's folder, which is then self-contained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from results.open import Study, open_study
from results.storage.location import holds_study
from results.storage.records import TrialRecord
from search.study.folder import TEACHERS
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError, shown
from space.networks.weights_file import Trained, read_trained
from trainers.recipe import Recipe
from trainers.teacher_checks import weights_digest

BEST = "best"
EXPORTED = "model.safetensors"


@dataclass(frozen=True)
class TeacherFile:
    """The weights of a teacher, read and checked.

    Attributes:
        name: The teacher as the user named it.
        trained: The facts of its weights.
        content: The file of weights.
    """

    name: str
    trained: Trained
    content: bytes

    @cached_property
    def digest(self) -> str:
        """The digest of the file, ``train.teacher`` of a recipe."""
        return weights_digest(self.content)


def find_teacher(name: str, study: Study | None = None) -> TeacherFile:
    """Return the teacher that a user names.

    Args:
        name: The folder of an export, a file of weights, ``STUDY:TRIAL``, a study's folder for its best network, or
            ``best`` for the best network of ``study``.
        study: The study that is certified.

    Raises:
        InvalidInputError: There is no such network, or its weights are missing or damaged.
    """
    trained, content = read_trained(_weights_of(name, study))
    return TeacherFile(name, trained, content)


def _weights_of(name: str, study: Study | None) -> Path:
    if name == BEST and study is not None:
        return _file_of(study, _best(study))
    path = Path(name)
    if path.is_dir() and (path / EXPORTED).is_file():
        return path / EXPORTED
    if path.is_file():
        return path
    if path.is_dir() and holds_study(path):
        return _file_of(found := open_study(path), _best(found))
    folder, _, number = name.rpartition(":")
    if folder and number.isdecimal() and holds_study(Path(folder)):
        return _file_of(found := open_study(folder), found.trial(int(number)))
    raise InvalidInputError(
        f"--teacher must be the folder of an export, a file of weights, {'best, ' if study else ''}or STUDY:TRIAL, "
        f"but got {shown(name)}"
    )


def _best(study: Study) -> TrialRecord:
    """Return the most accurate network of the front."""
    if not study.front_records:
        raise InvalidInputError(f"{study.folder} has no teacher: {study.why_no_front}")
    return max(study.front_records, key=lambda record: record.val_accuracy or 0.0)


def _file_of(study: Study, record: TrialRecord) -> Path:
    if record.weights is None:
        raise InvalidInputError(
            f"trial {record.number} of {study.folder} has no weights; choose one of 'mgnas front {study.folder}'"
        )
    return study.folder / record.weights


def teacher_path(folder: Path, recipe: Recipe) -> Path | None:
    """Return the file of a recipe's teacher in a study's folder; None without a teacher."""
    return None if recipe.teacher is None else folder / TEACHERS / f"{recipe.teacher}.safetensors"


def keep_teacher(folder: Path, recipe: Recipe, teacher: TeacherFile | None) -> None:
    """Write the teacher into the folder of its study, unless it is there.

    Args:
        folder: The study's folder.
        recipe: The recipe of the study.
        teacher: The teacher; None if the study was begun with it before.

    Raises:
        InvalidInputError: The recipe has a teacher whose weights are not in the folder.
        OSError: The file cannot be written.
    """
    path = teacher_path(folder, recipe)
    if path is None:
        return
    is_there = path.is_file() and weights_digest(path.read_bytes()) == recipe.teacher
    if not is_there and teacher is None:
        raise InvalidInputError(
            f"{path} does not hold the teacher of this study (train.teacher); restore it from a copy, or name the "
            "teacher with --teacher of 'mgnas train' or 'mgnas certify'"
        )
    if not is_there and teacher is not None:
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, teacher.content)
