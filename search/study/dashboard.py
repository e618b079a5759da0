"""Optuna Dashboard on a copy of a study's mirror, so that it neither locks nor changes the study."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from results.storage.locking import is_read_only_wal
from results.storage.study_files import DATABASE, ledger_mark, study_name
from search.samplers.quiet import quiet_optuna
from space.core.errors import InvalidInputError

if TYPE_CHECKING:
    from results.loopback import App, Environ, StartResponse

INSTALL = "pip install 'mgnas[dashboard]'"
LEAST_GAP_S = 2.0
"""The least time between two copies."""


class MirrorCopy:
    """A copy of the database of the study in ``folder``, in another folder."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.folder = folder
        self.path = place / DATABASE
        self._lock = threading.Lock()
        self._due_s = 0.0
        self._mark: object = None

    def refresh(self) -> None:
        """Copy the database again if it has changed and the last copy is not new.

        Raises:
            InvalidInputError: The study was moved or deleted, or it is damaged.
        """
        with self._lock:
            mark = ledger_mark(self.folder)
            if mark == self._mark or time.monotonic() < self._due_s:
                return
            self._copy()
            self._mark, self._due_s = mark, time.monotonic() + LEAST_GAP_S

    def _copy(self) -> None:
        mode = "mode=ro"
        if is_read_only_wal(self.folder / DATABASE):
            mode += "&immutable=1"
        url = f"file:{quote(str((self.folder / DATABASE).absolute()))}?{mode}"
        try:
            with (
                closing(sqlite3.connect(url, uri=True)) as source,
                closing(sqlite3.connect(self.path)) as target,
            ):
                source.backup(target)
        except sqlite3.Error as error:
            raise InvalidInputError(
                f"cannot copy {self.folder / DATABASE}: {error}; close other programs that use it"
            ) from error


@contextmanager
def dashboard(folder: Path) -> Iterator[tuple[App, int]]:
    """Open Optuna Dashboard on a copy of the study in ``folder``.

    The copy follows the study at each request of data. It is deleted at the end of the block.

    Args:
        folder: The study's folder.

    Yields:
        The web application, and the number of the study in its addresses.

    Raises:
        InvalidInputError: Optuna Dashboard is missing, or the database has no Optuna study.
    """
    import optuna

    try:
        import optuna_dashboard
    except ModuleNotFoundError as error:
        raise InvalidInputError(f"mgnas dashboard needs {error.name}: {INSTALL}") from None
    with tempfile.TemporaryDirectory(prefix="mgnas-dashboard-") as place, quiet_optuna():
        copy = MirrorCopy(folder, Path(place))
        copy.refresh()
        storage = optuna.storages.RDBStorage(f"sqlite:///{copy.path}")
        try:
            try:
                number = storage.get_study_id_from_name(study_name(folder))
            except KeyError:
                raise InvalidInputError(
                    f"{folder / DATABASE} has no Optuna study; 'mgnas search {folder}' writes it again"
                ) from None
            app = optuna_dashboard.wsgi(storage)

            def following(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
                if environ.get("PATH_INFO", "").startswith(("/api/", "/csv/")):
                    copy.refresh()
                found: Iterable[bytes] = app(environ, start_response)
                return found

            yield following, number
        finally:
            storage.remove_session()
            storage.engine.dispose()
