"""The folder of a study: its files, its lock, and the checks before the first write."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from results.storage.driver_lock import LOCK, is_locked
from results.storage.errors import StudyBusyError
from results.storage.location import SQLITE, holds_study
from results.storage.plugin_files import PLUGINS, plugin_files
from results.storage.records import StudyHeader, TrialRecord
from results.storage.study_files import CONFIG, DATABASE, POINTER
from search.study.config import StudyConfig, Tables
from search.study.lock import StudyLock, busy_text, study_locked
from search.study.same_study import first_edit, without_unset
from search.study.warm_start import EARLIER
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError
from space.networks.plugins import plugin_digest

GIVEN = "given.npz"
"""The images that a Python program passed as arrays."""
ENVIRONMENT = "environment.json"
TEACHERS = "teachers"
"""The folder of the weights of a teacher."""
IMAGES = "images.json"
"""The result of the image checks."""
CONFIG_HEADER = "# The configuration of this study, as run. Written by mgnas; 'mgnas search' changes it.\n"
PART = r"\..+\.\d+\.part"
WEIGHTS = r"([0-9a-f]{12}-s\d+)\.safetensors"
CHECKPOINT = r"([0-9a-f]{12}-s\d+)\.checkpoint(\.previous)?"


class StudyFolder:
    """The paths of a study's folder. The first write happens in ``locked``.

    Args:
        path: The folder.
        option: The option of the command line that names the folder, for error messages.
    """

    def __init__(self, path: str | Path, option: str = "--dir") -> None:
        self.path = Path(path)
        self.option = option
        self.checkpoints = self.path / "checkpoints"
        self.logs = self.path / "logs"
        self.calibration = self.path / "calibration"

    @property
    def has_study(self) -> bool:
        """Whether the folder holds a study; its database is the last file of its creation."""
        return holds_study(self.path)

    def check(self) -> None:
        """Check that the path is free or holds a complete study.

        Raises:
            StudyBusyError: Another process searches here.
            InvalidInputError: The path holds other files.
        """
        if self.is_locked():
            raise StudyBusyError(busy_text(self.path, self.option))
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInputError(f"{self.path} is a file; a study needs a folder ({self.option})")
        if not self.path.exists():
            return
        found = {entry.name for entry in self.path.iterdir()}
        if self.has_study:
            if CONFIG not in found:
                database = POINTER if POINTER in found else DATABASE
                raise InvalidInputError(
                    f"{self.path} holds {database} but no {CONFIG}; restore it from a copy"
                )
        elif others := sorted(found - self._begun(found)):
            raise InvalidInputError(
                f"{self.path} holds no study but something else ({others[0]}); choose another {self.option}"
            )

    def _begun(self, found: set[str]) -> set[str]:
        """Return the files of a driver that was killed before it created the database."""
        begun = {LOCK, ENVIRONMENT, EARLIER, IMAGES, GIVEN, f".{DATABASE}.part", f".{DATABASE}.part-journal"}
        begun |= {TEACHERS} | {name for name in found if re.fullmatch(PART, name)}
        if CONFIG in found and (self.path / CONFIG).read_bytes().startswith(CONFIG_HEADER.encode()):
            begun |= {CONFIG, PLUGINS}
        return begun

    def recorded_tables(self, header: StudyHeader) -> Tables:
        """Return the recorded configuration of the ledger, as plain tables without unset keys.

        Raises:
            InvalidInputError: ``study.toml`` is damaged, or it was edited and differs from the ledger; or a
                plugin in the folder is not the one that the user named.
        """
        plugin_files(self.path, header)
        path = self.path / CONFIG
        try:
            written = tomllib.loads(path.read_text(encoding="utf-8-sig"))
            difference = first_edit(header.config, written)
        except (OSError, ValueError, RecursionError, TypeError, LookupError) as error:
            raise InvalidInputError(
                f"{path} is damaged ({error}); restore it from a copy, or choose another {self.option}"
            ) from None
        if difference:
            raise InvalidInputError(
                f"{path} was edited: the study was begun with {difference}; undo the edit, or choose "
                f"another folder ({self.option})"
            )
        return without_unset(header.config)

    def recorded_config(self, header: StudyHeader) -> StudyConfig:
        """Return the recorded configuration of the ledger.

        Raises:
            InvalidInputError: As ``recorded_tables``, or a plugin of the study fails.
        """
        return StudyConfig.parse(self.recorded_tables(header), str(self.path / CONFIG), self.path)

    def write_config(self, config: StudyConfig) -> StudyConfig:
        """Write the configuration and copies of its plugins.

        Returns:
            The recorded configuration. Its plugin paths point to the copies and are relative to this folder.
            The folder can therefore be moved.

        Raises:
            OSError: A file is not writable.
        """
        names = tuple(f"{PLUGINS}/{Path(plugin).name}" for plugin in config.plugins)
        recorded = config.model_copy(update={"plugins": names})
        write_atomic(self.path / CONFIG, CONFIG_HEADER + recorded.to_toml())
        for plugin in config.plugins:
            copy = self.path / PLUGINS / Path(plugin).name
            if not copy.exists() or not copy.samefile(plugin):
                write_atomic(copy, Path(plugin).read_bytes())
        return recorded

    def check_plugins(self, header: StudyHeader, asked: StudyConfig) -> None:
        """Check that the plugins in this folder and the requested plugins are the recorded ones.

        Raises:
            InvalidInputError: A plugin differs.
        """
        copies = {name: self.path / PLUGINS / name for name in header.plugins}
        for plugins in (copies, {Path(plugin).name: Path(plugin) for plugin in asked.plugins}):
            for name in sorted(header.plugins.keys() | plugins.keys()):
                known = header.plugins.get(name)
                if known is None or name not in plugins or plugin_digest(plugins[name]) != known:
                    raise InvalidInputError(
                        f"{self.path} holds a study with another version of the plugin {name}, or without "
                        f"it; choose another folder ({self.option}), or bring the same plugin"
                    )

    def clean_up(self, records: Iterable[TrialRecord]) -> None:
        """Delete the remains of killed processes: partial files, unused weights and checkpoints."""
        records = list(records)
        weights = {Path(record.weights).stem for record in records if record.weights is not None}
        running = {f"{record.arch}-s{record.seed}" for record in records if not record.has_ended}
        for file in [file for file in self.checkpoints.glob("*") if file.is_file()]:
            for pattern, kept in ((WEIGHTS, weights), (CHECKPOINT, running)):
                found = re.fullmatch(pattern, file.name)
                if found and found[1] not in kept:
                    file.unlink(missing_ok=True)
        self.remove_partial_files()

    def remove_partial_files(self) -> None:
        """Delete files that killed processes have not written to the end; no process may write now."""
        for folder in (self.path, self.checkpoints, self.path / PLUGINS):
            for file in folder.glob(".*.part"):
                if re.fullmatch(PART, file.name) and file.is_file():
                    file.unlink(missing_ok=True)

    def is_locked(self) -> bool:
        """Return whether a driver is at work on the study."""
        return is_locked(self.path)

    @contextmanager
    def locked(self, storage: str = SQLITE, name: str = "") -> Iterator[StudyLock]:
        """Hold the right to write the study; create the folder if necessary. The right ends with the process.

        Args:
            storage: ``search.storage`` of a study that is about to be created.
            name: The name of such a study.

        Raises:
            StudyBusyError: Another driver is at work.
            InvalidInputError: The folder cannot be created, or its database cannot be used.
        """
        self.check()
        with study_locked(self.path, self.option, storage, name) as lock:
            yield lock
