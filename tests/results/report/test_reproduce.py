from __future__ import annotations

import re
from html import unescape

from results.report.reproduce import reproduce_section
from results.storage.records import PlannedTraining
from tests.support.synthetic import study, trial

ENVIRONMENT = {
    "python": "3.11.2",
    "cpu": "A CPU",
    "cores": 8,
    "gpus": [],
    "packages": {"mgnas": "0.1.0", "torch": "2.15.0", "numpy": "2.4.6"},
    "commit": "abc123",
}


def html_of(**changes):
    return reproduce_section(study([trial(0, 1000, 0.9)], **changes)).html


def test_commands_name_commit_versions_and_study():
    html = html_of(folder="runs/my study", environment=ENVIRONMENT)
    for line in (
        "git checkout abc123",
        "pip install -e . torch==2.15.0 numpy==2.4.6",
        "mgnas search 'runs/my study/study.toml' --dir 'runs/my study-again'",
        "mgnas verify 'runs/my study'",
    ):
        assert f"<code>{line}</code>" in unescape(re.sub("</?span>", "", html))
        assert f'data-copy="{line}"' in unescape(html)


def test_facts_name_images_seed_and_hardware():
    html = html_of(environment=ENVIRONMENT)
    for fact in ("digits, 1,077 train, 360 val, 8 × 8", "0" * 16, "<code>7</code>", "A CPU, 8 cores", "none"):
        assert fact in html


def test_unknown_facts_are_left_out():
    html = html_of(environment={}, data={})
    assert "git checkout" not in html
    assert "pip install" not in html
    assert "GPUs</th>" not in html
    assert "None" not in html


def test_trainings_of_named_networks_have_no_decisions_to_verify():
    html = html_of(plan=(PlannedTraining("MgNet[1,1]-4-B^l", 3),))
    assert "Train the networks again" in html
    assert "mgnas verify" not in html
    assert "<code>3</code>" in html


def test_the_study_file_is_shown_and_escaped(tmp_path):
    (tmp_path / "study.toml").write_text('name = "<b>"\n', encoding="utf-8")
    html = html_of(folder=tmp_path)
    assert "<pre><code>name = &quot;&lt;b&gt;&quot;" in html
