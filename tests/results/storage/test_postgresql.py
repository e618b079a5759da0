"""URLs of PostgreSQL, and errors of a real server as one line."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from results.open import open_study
from results.storage.database import Database
from results.storage.driver_lock import is_locked
from results.storage.errors import DatabaseAwayError, StorageFullError
from results.storage.ledger_reader import LedgerReader
from results.storage.location import locate
from results.storage.postgresql import checked_url, explain_postgresql_error, masked
from results.storage.reading import ledger_mark
from space.core.errors import InvalidInputError
from tests.support.factories import make_header, make_trial
from tests.support.postgres import PostgresServer, ledger_on_server

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("postgresql+psycopg://db.example/studies", "postgresql+psycopg://db.example/studies"),
        (
            "postgres://ada@db.example:5433/s?sslmode=require",
            "postgresql+psycopg://ada@db.example:5433/s?sslmode=require",
        ),
        ("postgresql:///?service=mgnas", "postgresql+psycopg:///?service=mgnas"),
        ("postgresql://ada:@/s?host=/run/postgresql", "postgresql+psycopg://ada@/s?host=/run/postgresql"),
    ],
)
def test_urls_become_canonical(given: str, canonical: str) -> None:
    assert checked_url(given) == checked_url(canonical) == canonical


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ada:{SECRET}@db.example/studies",
        f"postgresql://ada:{SECRET}/1@db.example/studies",
        f"postgresql://db.example/studies?user=ada&password={SECRET}",
        f"postgresql://db.example/studies?sslpassword={SECRET}",
        f"postgresql://db.example/studies?p%61ssword={SECRET}",
    ],
)
def test_url_with_a_password_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        checked_url(url)
    if "%61" not in url:
        assert SECRET not in str(caught.value)
    assert "must have no password" in str(caught.value) or "must be 'sqlite' or" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["mysql://h/d", "postgresql", "sqlite:///x.db", "", "postgresql://h:port/d", "postgresql://h/a b"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidInputError, match="must be 'sqlite' or postgresql"):
        checked_url(url)


def test_messages_are_masked() -> None:
    text = masked(f"cannot use postgresql://ada:{SECRET}@h/d?password={SECRET}&x=1 (password={SECRET})")
    assert SECRET not in text
    assert "ada:***@h/d" in text


@pytest.mark.parametrize("missing", ["database", "role"])
def test_errors_of_a_server_are_one_line(postgres: PostgresServer, missing: str) -> None:
    url = (
        postgres.url("nowhere") if missing == "database" else postgres.url().replace("postgres@", "nowhere@")
    )
    with closing(Database(url)) as database, pytest.raises(InvalidInputError) as caught:
        database.read(lambda connection: connection.execute(sa.text("select 1")).scalar())
    assert f'{missing} "nowhere" does not exist); create it' in str(caught.value)
    assert "\n" not in str(caught.value)


def test_database_without_a_ledger_is_named(postgres_url: str) -> None:
    says = pytest.raises(InvalidInputError, match="the database holds no study of mgnas")
    with closing(LedgerReader(postgres_url, "none")) as ledger, says:
        ledger.header()


def test_server_that_is_away_is_one_line(tmp_path: Path) -> None:
    says = pytest.raises(DatabaseAwayError, match=r"does not answer .*; start its server")
    with closing(Database(f"postgresql+psycopg://u@/d?host={tmp_path}")) as database, says:
        database.read(lambda connection: connection.execute(sa.text("select 1")))


def test_full_disk_of_the_server_is_named() -> None:
    error = ValueError('could not extend file "base/1": No space left on device')
    assert isinstance(explain_postgresql_error(error, "postgresql://h/d"), StorageFullError)


def test_study_on_a_server_is_read_from_its_folder(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "study.toml").write_text('name = "test"\n', encoding="utf-8")
    with ledger_on_server(tmp_path, postgres_url, make_header()) as ledger:
        before = ledger_mark(tmp_path)
        ledger.write_trial(make_trial(0), event="finish", clock_s=1.0)
        assert ledger_mark(tmp_path) != before
        assert ledger_mark(tmp_path) == ledger_mark(tmp_path)
        study = open_study(tmp_path)
        assert study.records == [make_trial(0)]
        assert study.status()["is_running"]
    assert not is_locked(tmp_path)
    assert locate(tmp_path).server_url == postgres_url


def test_studies_of_one_name_do_not_mix(tmp_path: Path, postgres_url: str) -> None:
    folders = [tmp_path / name for name in "ab"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        with ledger_on_server(folder, postgres_url, make_header()) as ledger:
            ledger.write_trial(make_trial(number), event="finish", clock_s=1.0)
    assert [open_study(folder).records for folder in folders] == [[make_trial(0)], [make_trial(1)]]


def test_pointer_with_a_password_is_refused(tmp_path: Path) -> None:
    (tmp_path / "database.toml").write_text(
        f'url = "postgresql://ada:{SECRET}@h/d"\nstudy = "x"\n', encoding="utf-8"
    )
    with pytest.raises(InvalidInputError, match=r"database\.toml: .* no password") as caught:
        open_study(tmp_path)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("content", ["", "url = 3", "\x00", 'url = "postgresql://h/d"'])
def test_damaged_pointer_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "database.toml").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"database\.toml"):
        open_study(tmp_path)


def test_user_without_rights_is_told_so(postgres: PostgresServer, postgres_url: str, tmp_path: Path) -> None:
    postgres.execute("DROP ROLE IF EXISTS guest")
    postgres.execute("CREATE ROLE guest LOGIN")
    url = postgres_url.replace("postgres@", "guest@")
    says = pytest.raises(InvalidInputError, match=r"permission denied .* must grant this user the rights")
    with says, ledger_on_server(tmp_path, url, make_header()):
        pass
