"""Optuna Dashboard on a study's mirror. It neither locks nor changes the study."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from results.storage.location import Location, locate
from results.storage.locking import is_read_only_wal
from results.storage.reading import ledger_mark
from results.storage.study_files import DATABASE
from search.samplers.quiet import quiet_optuna
from space.core.errors import InvalidInputError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

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
    """Open Optuna Dashboard on a study: on a copy of ``study.db``, or without the right to write in PostgreSQL.

    The page follows the study at each request of data. The copy is deleted at the end of the block.

    Args:
        folder: The study's folder.

    Yields:
        The web application, and the number of the study in its addresses.

    Raises:
        InvalidInputError: Optuna Dashboard is missing, or the database has no Optuna study.
    """
    try:
        import optuna_dashboard
    except ModuleNotFoundError as error:
        raise InvalidInputError(f"mgnas dashboard needs {error.name}: {INSTALL}") from None
    location = locate(folder)
    with quiet_optuna(), _opened(location) as (storage, refresh):
        try:
            number = storage.get_study_id_from_name(location.study)
        except KeyError:
            raise InvalidInputError(
                f"{location.place} has no Optuna study; 'mgnas search {folder}' writes it again"
            ) from None
        app = optuna_dashboard.wsgi(storage)

        def following(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            if environ.get("PATH_INFO", "").startswith(("/api/", "/csv/")):
                refresh()
            found: Iterable[bytes] = app(environ, start_response)
            return found

        yield following, number


@contextmanager
def _opened(location: Location) -> Iterator[tuple[RDBStorage, Callable[[], None]]]:
    """Yield Optuna's storage, and a function that brings it up to date with the study."""
    import optuna

    from search.study.optuna_mirror import optuna_storage

    with ExitStack() as opened:
        if location.server_url is None:
            place = opened.enter_context(tempfile.TemporaryDirectory(prefix="mgnas-dashboard-"))
            copy = MirrorCopy(location.folder, Path(place))
            copy.refresh()
            storage, refresh = optuna.storages.RDBStorage(f"sqlite:///{copy.path}"), copy.refresh
        else:
            storage, refresh = optuna_storage(location, is_read_only=True), _nothing
        opened.callback(storage.engine.dispose)
        opened.callback(storage.remove_session)
        yield storage, refresh


def _nothing() -> None:
    """Do nothing: PostgreSQL shows the study itself."""
