"""The versions that a study records."""

from __future__ import annotations

import pytest

from search.study.environment import changed_versions, environment


def test_versions_of_today_have_not_changed() -> None:
    assert changed_versions(environment()) == []


def test_changed_packages_and_commits_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.study.environment._commit", lambda: "77b48c3" + 33 * "0")
    recorded = environment()
    recorded |= {"commit": "e5722cc" + 33 * "0", "packages": recorded["packages"] | {"optuna": "4.0.0"}}
    now = environment()["packages"]["optuna"]
    assert changed_versions(recorded) == [f"optuna 4.0.0, now {now}", "commit e5722cc, now 77b48c3"]
    assert changed_versions({"packages": {}, "commit": None}) == []
