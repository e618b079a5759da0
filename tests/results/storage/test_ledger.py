"""The ledger on disk: writing and reading match, and damage gives a one-line error."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from results.open import open_study
from results.storage import schema
from results.storage.errors import explain_database_error
from results.storage.held_out import HeldOutResult
from results.storage.ledger import Ledger
from results.storage.study_files import sqlite_url
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport
from tests.support.factories import make_header, make_trial
from tests.support.postgres import ledger_on_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "a study #1 (50% é?)"
    folder.mkdir()
    (folder / "study.toml").write_text('name = "test"\n', encoding="utf-8")
    return folder


@pytest.fixture
def sqlite_ledger(folder: Path) -> Iterator[Ledger]:
    with closing(Ledger.create(sqlite_url(folder, "rwc"), make_header())) as ledger:
        yield ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, folder: Path) -> Iterator[Ledger]:
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_ledger")
        return
    with ledger_on_server(folder, request.getfixturevalue("postgres_url"), make_header()) as ledger:
        yield ledger


def report(epoch: int, accuracy: float = 0.5) -> EpochReport:
    return EpochReport(epoch, train_loss=1.0, val_loss=0.9, val_accuracy=accuracy, seconds=0.1)


def test_round_trip(folder: Path, ledger: Ledger) -> None:
    running = make_trial(0, state="running", val_accuracy=None, finished_s=None, seed=2**53 + 1)
    ledger.write_trial(running, event="start", clock_s=0.5)
    ledger.write_report(0, report(1), clock_s=1.0)
    ledger.write_report(0, report(2, 0.7), clock_s=1.0)
    done = replace(running, state="complete", val_accuracy=0.7, finished_s=3.25, epochs=2)
    ledger.write_trial(done, event="finish", clock_s=3.25)
    assert ledger.header() == make_header()
    assert ledger.trials() == [done]
    assert ledger.reports() == {0: [report(1), report(2, 0.7)]}
    assert [one[:4] for one in ledger.timeline()] == [
        (0.5, "start", 0, None),
        (1.0, "report", 0, 1),
        (1.0, "report", 0, 2),
        (3.25, "finish", 0, None),
    ]
    assert ledger.clock_s() == 3.25
    results = open_study(folder)
    assert results.records == [done]
    assert results.front()["trial"].tolist() == [0]


def test_the_clock_is_that_of_the_last_epoch_too(ledger: Ledger) -> None:
    """A driver killed in the middle of a long training must not get its hours back."""
    ledger.write_trial(make_trial(0, state="running"), event="start", clock_s=1.0)
    ledger.write_report(0, report(1), clock_s=500.0)
    assert ledger.clock_s() == 500.0


def test_a_header_with_facts_of_a_later_version_is_read(sqlite_ledger: Ledger, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "study.db")) as connection, connection:
        (text,) = connection.execute("select header from mgnas_studies").fetchone()
        header = json.dumps(json.loads(text) | {"novelty": 1})
        connection.execute("update mgnas_studies set header = ?", (header,))
    connection.close()
    assert sqlite_ledger.header() == make_header()


def test_a_training_begun_anew_forgets_later_epochs(ledger: Ledger) -> None:
    ledger.write_trial(make_trial(0, state="running"), event="start", clock_s=0.0)
    for epoch in (1, 2, 3):
        ledger.write_report(0, report(epoch), clock_s=1.0)
    ledger.write_report(0, report(1, 0.6), clock_s=1.0)
    assert ledger.reports() == {0: [report(1, 0.6)]}
    assert ledger.trials()[0].epochs == 1


def test_studies_in_one_database_do_not_mix(folder: Path, sqlite_ledger: Ledger) -> None:
    other = Ledger.create(sqlite_url(folder), make_header(name="other", trials=3))
    other.write_trial(make_trial(0, arch="b" * 12), event="start", clock_s=9.0)
    assert sqlite_ledger.trials() == []
    assert sqlite_ledger.clock_s() == 0.0
    assert other.header().trials == 3
    other.close()


def test_reading_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no folder"):
        open_study(tmp_path / "none")
    with pytest.raises(InvalidInputError, match=r"has no study\.db"):
        open_study(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["text", "torn", "flipped"])
def test_damage_is_one_line(folder: Path, sqlite_ledger: Ledger, damage: str) -> None:
    for number in range(200):
        sqlite_ledger.write_trial(make_trial(number), event="finish", clock_s=1.0)
    sqlite_ledger.close()
    file = folder / "study.db"
    content = bytearray(file.read_bytes())
    if damage == "text":
        content = bytearray(b"these are not the records you are looking for\n" * 100)
    elif damage == "torn":
        del content[5000:]
    else:
        content[4096:20000] = bytes(len(content[4096:20000]))
    file.write_bytes(content)
    damaged = Ledger(sqlite_url(folder), "test")
    with pytest.raises(InvalidInputError, match="damaged") as caught:
        damaged.check()
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    damaged.close()


def test_ledger_of_another_schema_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    version = schema.VERSION
    monkeypatch.setattr(schema, "VERSION", version + 1)
    with pytest.raises(InvalidInputError, match=f"has schema {version}, but this version of mgnas reads"):
        ledger.header()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("database is locked", "is in use by another program"),
        ("unable to open database file", "cannot open x/study.db"),
        ("attempt to write a readonly database", "cannot write to x/study.db"),
        ("*** in database main ***\nTree 5 page 9: wrong", "study of mgnas (Tree 5 page 9: wrong)"),
        ("", "is damaged or not a study of mgnas (ValueError)"),
    ],
)
def test_errors_of_the_database_are_one_line(text: str, says: str) -> None:
    assert says in str(explain_database_error(ValueError(text), "x/study.db"))


def test_epoch_ends_are_the_last_times_of_the_epochs(ledger: Ledger) -> None:
    ledger.write_trial(make_trial(0), event="start", clock_s=0.0)
    for epoch, clock_s in ((1, 3.0), (2, 5.0), (2, 9.0)):
        ledger.write_report(0, EpochReport(epoch, 1.0, 1.0, 0.5, 2.0), clock_s=clock_s)
    assert ledger.epoch_ends() == {0: [3.0, 9.0]}
    assert sorted(one.kind for one in ledger.timeline()) == ["report", "report", "retrain", "start"]


def test_values_that_a_database_may_refuse_survive(ledger: Ledger) -> None:
    trial = make_trial(
        0,
        params=2**62,
        macs=2**62,
        seed=2**63 - 1,
        sampler_attrs={"nan": math.nan, "all": [math.inf, -math.inf, {"non_finite_float": 1}], "nul": "a\0b"},
    )
    ledger.write_trial(trial, event="finish", clock_s=1 / 3, text="a\0b", value=math.inf)
    (found,) = ledger.trials()
    assert math.isnan(found.sampler_attrs["nan"])
    nan = {"nan": None}
    assert replace(found, sampler_attrs=found.sampler_attrs | nan) == replace(
        trial, sampler_attrs=trial.sampler_attrs | nan
    )
    ((clock_s, *_, detail),) = ledger.timeline()
    assert (clock_s, detail) == (1 / 3, {"text": "a\0b", "value": math.inf})


def test_text_with_nul_or_a_lone_surrogate_is_escaped(ledger: Ledger) -> None:
    ledger.write_trial(make_trial(0, state="failed", reason="a\0b \udcff"), event="fail", clock_s=1.0)
    assert ledger.trials()[0].reason == "a\\x00b \\udcff"


def test_held_out_bytes_survive(ledger: Ledger) -> None:
    result = HeldOutResult(0, 0.5, bytes(range(256)), b"")
    for _ in range(2):
        ledger.write_held_out(result)
    assert ledger.held_out() == {0: result}
