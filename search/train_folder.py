"""The folder of one network's trainings: recognised, locked, and what is finished in it never lost."""

from __future__ import annotations

import fcntl
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from pydantic import ValidationError

from results.driver_lock import LOCK
from search.config import PLACE_OF_DATA, StudyConfig
from search.folder import PART
from space.errors import InvalidInputError, MgnasError, shortened
from space.files import sha256_of, write_atomic, write_changed
from space.spec import Spec
from space.system_errors import explain_system_error
from space.validation import explain
from trainers.checkpoint import CheckpointFile
from trainers.data import other_names
from trainers.memory_size import kills_for_memory
from trainers.recipe import BEFORE, Recipe

if TYPE_CHECKING:
    from search.seed_result import SeedResult

CONFIG = "train.toml"
SPEC = "spec.json"
SUMMARY = "summary.json"
CURVE_CSV = "curve.csv"
CURVE_SVG = "curve.svg"
CALIBRATION = "calibration"
IMAGES = "images.json"
"""Which images were checked, and what was found."""
RESULT = r"seed-(\d+)\.json"
CHECKPOINT = r"seed-(\d+)\.checkpoint"
MOST_HALVINGS = 30
"""No batch has more than 10**9 images."""
SEED_FILE = r"seed-\d+\.(json|safetensors|checkpoint|checkpoint\.previous|running)"


class DamagedResultError(MgnasError):
    """The file of a finished training, or its weights, cannot be what was written; the text says why."""


class TrainFolder:
    """Where the trainings of one network by one recipe on one data set are kept."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.calibration = self.path / CALIBRATION

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, which is made if need be, against other commands.

        Raises:
            InvalidInputError: another one trains here, the folder cannot be made or written to, or it holds
                something else.
        """
        try:
            parts = self._check()
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / LOCK).open("w", encoding="utf-8")
        except OSError as error:
            raise InvalidInputError(
                f"cannot train in {shortened(str(self.path))}: {explain_system_error(error)} "
                "(--to names another folder)"
            ) from None
        with file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InvalidInputError(
                    f"another training is running in {self.path}; wait for it, or choose another --to"
                ) from None
            for part in parts:
                part.unlink(missing_ok=True)
            yield

    def _check(self) -> list[Path]:
        """Return what killed processes were writing, after a look at what else is here."""
        if self.path.is_symlink() and not self.path.exists():
            raise InvalidInputError(
                f"{self.path} is a link that leads nowhere; remove it, or choose another folder (--to)"
            )
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInputError(f"{self.path} is a file; a training needs a folder (--to)")
        entries = sorted(self.path.iterdir()) if self.path.exists() else []
        parts = [entry for entry in entries if re.fullmatch(PART, entry.name) and entry.is_file()]
        names = {entry.name for entry in entries if entry not in parts} - {LOCK}
        if names and not names & {SPEC, CONFIG}:
            raise InvalidInputError(
                f"{self.path} holds something else ({min(names)}); choose another folder (--to)"
            )
        for entry in entries:
            kind = _kind(entry.name)
            if kind is not None and entry.is_dir() != (kind == "folder"):
                found = "folder" if entry.is_dir() else "file"
                raise InvalidInputError(
                    f"{entry} is a {found}, where a training keeps a {kind}; remove it, or choose another "
                    "folder (--to)"
                )
        return parts

    def claim(
        self, spec: Spec, config: StudyConfig, classes: Sequence[str], identity_of: Callable[[int], str]
    ) -> None:
        """Write down what is trained here and how, or make sure that it is the same as before.

        ``identity_of`` maps a seed to the identity of its training.

        Raises:
            InvalidInputError: the folder holds trainings of another network or recipe, of other images, or
                of images whose ``classes`` have other names.
        """
        files = {
            SPEC: json.dumps(spec.to_dict(), indent=2) + "\n",
            CONFIG: tomli_w.dumps(decisive(config)),
        }
        for name, text in files.items():
            if (self.path / name).exists() and (self.path / name).read_bytes() != text.encode():
                if name == CONFIG and _decides_the_same(self.path / name, config):
                    continue
                raise InvalidInputError(
                    f"{self.path} holds trainings of another network or recipe ({name} differs); "
                    "choose another folder (--to)"
                )
        for file in sorted(self.path.iterdir()):
            if _is_of_another(file, identity_of):
                raise InvalidInputError(
                    f"{self.path} holds trainings of another network or recipe, or of other images "
                    f"({file.name}); choose another folder (--to)"
                )
            before = _classes(file)
            if before is not None and before != list(classes):
                raise InvalidInputError(
                    f"{self.path} holds trainings with {other_names(before, classes)}; choose another folder "
                    "(--to), or bring the names of before"
                )
        for name, text in files.items():
            write_changed(self.path / name, text)

    def result(self, seed: int, identity: str, epochs: int) -> SeedResult | None:
        """Return what a seed's finished training left, or None; ``identity`` is that of the training.

        Raises:
            DamagedResultError: it was finished, but its result or its weights are not what was written.
            OSError: they cannot be read.
        """
        from search.seed_result import SeedResult

        file = self.path / f"seed-{seed}.json"
        try:
            found = SeedResult.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            text = str(explain(error, SeedResult, str(file)))
            raise DamagedResultError(f"{file} is damaged ({text.removeprefix(f'{file}: ')})") from None
        if (found.identity, found.seed, len(found.reports)) != (identity, seed, epochs):
            raise DamagedResultError(f"{file} is damaged (it is of another training)")
        weights = self.path / found.weights
        if not weights.exists():
            raise DamagedResultError(f"{weights} is missing")
        if sha256_of(weights) != found.weights_sha256:
            raise DamagedResultError(f"{weights} is damaged (it is not what was written)")
        return found

    def write_result(self, result: SeedResult) -> None:
        """Keep what a seed's training brought; OSError goes to the caller."""
        write_atomic(self.path / f"seed-{result.seed}.json", result.model_dump_json(indent=2) + "\n")

    @contextmanager
    def running(self, seed: int) -> Iterator[int]:
        """Note that the training from ``seed`` runs, and give how often its batch is to be halved.

        That is once more for every earlier run that was killed while the system killed something here for
        want of memory; runs that end in any other way take their note along. OSError goes to the caller.
        """
        file, kills, halvings = self.path / f"seed-{seed}.running", kills_for_memory(), 0
        with suppress(OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            before = json.loads(file.read_bytes())
            halvings = int(before["halvings"]) + (kills > int(before["kills"]))
            halvings = min(max(0, halvings), MOST_HALVINGS)
        write_atomic(file, json.dumps({"kills": kills, "halvings": halvings}) + "\n")
        try:
            yield halvings
        finally:
            file.unlink(missing_ok=True)

    def checkpoint(self, seed: int, identity: str) -> CheckpointFile:
        """Return where the training from ``seed`` stands while it lasts."""
        return CheckpointFile(self.path / f"seed-{seed}.checkpoint", identity)


def _decides_the_same(file: Path, config: StudyConfig) -> bool:
    """Return whether a file, of an older version perhaps, says of images and recipe what ``config`` does.

    Images may have moved: whether they are the same, the identities of trainings tell.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        recipe = Recipe.model_validate(BEFORE | tables["train"])
        data = decisive(config)["data"]
        moved = dict(tables["data"]) | {"source": data["source"]}
    except (ValueError, KeyError, TypeError):
        return False
    return moved == data and recipe.identity() == config.train.identity()


def decisive(config: StudyConfig) -> dict[str, Any]:
    """Return what the numbers of a training depend on, besides network and seed, as plain tables."""
    data = config.data.model_dump(mode="json", exclude_none=True, exclude=PLACE_OF_DATA)
    return {"data": data, "train": config.train.model_dump(mode="json")}


def _kind(name: str) -> str | None:
    """Return whether a training keeps a file or a folder by this name; None if nothing."""
    if name == CALIBRATION:
        return "folder"
    is_ours = name in (LOCK, CONFIG, SPEC, SUMMARY, CURVE_CSV, CURVE_SVG, IMAGES) or re.fullmatch(
        SEED_FILE, name
    )
    return "file" if is_ours else None


def _is_of_another(file: Path, identity_of: Callable[[int], str]) -> bool:
    """Whether a result or a checkpoint is, as far as it can be read, that of another training."""
    if found := re.fullmatch(CHECKPOINT, file.name):
        return CheckpointFile(file, identity_of(int(found[1]))).is_of_another
    if found := re.fullmatch(RESULT, file.name):
        try:
            result = json.loads(file.read_bytes())
        except (ValueError, RecursionError):
            return False  # damaged: it is nobody's
        identity = result.get("identity") if isinstance(result, dict) else None
        return isinstance(identity, str) and identity != identity_of(int(found[1]))
    return False


def _classes(file: Path) -> list[str] | None:
    """Return the names of the classes that a result is of; None where it is no result, or damaged."""
    from search.seed_result import SeedResult

    if not re.fullmatch(RESULT, file.name):
        return None
    try:
        return list(SeedResult.model_validate_json(file.read_bytes()).class_accuracies)
    except ValidationError:
        return None
