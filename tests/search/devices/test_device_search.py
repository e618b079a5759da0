"""Searches whose latency comes from a command: one that works, is away, lies, is over the limit, or hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from results.open import Study, open_study
from tests.support.command_line import mgnas
from tests.support.studies import write_study
from tests.support.waiting import MOST_S, wait_until
from tests.support.warm_workers import command_with_warm_workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
BY_SIZE = "echo '{\"latency_ms\": '$(wc -c < {model})'}'"
"""A device whose latency in ms is the size of the file in bytes."""
COSTS = ("--set", "search.costs=latency_ms")


def write(
    folder: Path, *commands: str, trials: int = 4, kind: str = "onnx", timeout_s: float = MOST_S
) -> None:
    file = write_study(folder, trials=trials, epochs=2)
    tables = [
        f'[[search.devices]]\nname = "d{number}"\ntimeout_s = {timeout_s}\nformat = "{kind}"\n'
        f"command = '''{command}'''\n"
        for number, command in enumerate(commands)
    ]
    file.write_text(file.read_text() + "".join(tables))


def search(folder: Path, *options: str, code: int = 0) -> tuple[Study, str]:
    run = mgnas("search", "tiny.toml", *COSTS, *options, cwd=folder)
    assert run.returncode == code, run.stderr
    return open_study(folder / "runs" / "tiny"), run.stdout + run.stderr


def measured(folder: Path) -> list[dict[str, object]]:
    return [
        json.loads(line) for line in (folder / "runs" / "tiny" / "devices.jsonl").read_text().splitlines()
    ]


def test_latency_is_that_of_the_first_device(tmp_path: Path) -> None:
    write(tmp_path, BY_SIZE, 'echo \'{"latency_ms": 0.5, "energy_mj": 7}\' # {model}')
    study, said = search(tmp_path)
    assert f"latency on d0, measured by: {BY_SIZE}" in said
    lines = measured(tmp_path)
    by_arch = {line["arch"]: line["latency_ms"] for line in lines if line["device"] == "d0"}
    assert {r.arch: r.network_costs.latency_ms for r in study.records} == by_arch
    assert len(lines) == 2 * len(by_arch)
    assert {line["energy_mj"] for line in lines if line["device"] == "d1"} == {7.0}
    assert study.front_records
    assert mgnas("verify", "runs/tiny", cwd=tmp_path).returncode == 0


def test_c_code_is_compiled_and_run_by_the_command(tmp_path: Path) -> None:
    compiled = "cc -O2 -std=c99 -o {model}/net {model}/net.c {model}/main.c && {model}/net >&2"
    write(tmp_path, f"{compiled} && echo '{{\"latency_ms\": 2.5}}'", trials=2, kind="c")
    study, said = search(tmp_path)
    assert [record.network_costs.latency_ms for record in study.records] == [2.5, 2.5], said


def test_device_that_is_away_does_not_stop_the_search_and_is_asked_again_later(tmp_path: Path) -> None:
    there = tmp_path / "there"
    bench = f"test -e {there} || {{ echo 'no route to host' >&2; exit 255; }}; {BY_SIZE}"
    write(tmp_path, bench)
    study, said = search(tmp_path, code=1)
    assert (
        "device d0 has no latency for trial 0: the command ended with exit code 255: 'no route to host'"
        in said
    )
    assert "is away" in said
    assert "no trial with a result has all of its costs" in said
    assert [record.state for record in study.records] == ["complete"] * 4
    assert {record.network_costs.latency_ms for record in study.records} == {None}
    assert not study.front_records
    there.touch()
    study, _ = search(tmp_path)
    assert None not in {record.network_costs.latency_ms for record in study.records}
    assert study.front_records
    assert "is complete" in search(tmp_path)[1]
    assert mgnas("verify", "runs/tiny", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("bench", "reason"),
    [
        ("echo '{\"latency_ms\": -3}' # {model}", "latency_ms must be a positive number"),
        ("sleep 300 # {model}", "took longer than 2 s and was killed"),
        ("kill -9 $$ # {model}", "was killed by signal 9"),
    ],
)
def test_device_that_misbehaves_leaves_trials_without_latency(
    tmp_path: Path, bench: str, reason: str
) -> None:
    write(tmp_path, bench, trials=2, timeout_s=2.0 if "sleep" in bench else MOST_S)
    study, said = search(tmp_path, code=1)
    assert reason in said
    assert [record.state for record in study.records] == ["complete"] * 2


def test_network_over_the_limit_fails_and_leaves_no_weights(tmp_path: Path) -> None:
    write(tmp_path, "echo '{\"latency_ms\": 30}' # {model}", trials=3)
    study, _ = search(tmp_path, "--set", "search.max_latency_ms=20", code=1)
    assert {record.state for record in study.records} == {"failed"}
    assert all("latency_ms 30 > max_latency_ms 20" in str(record.reason) for record in study.records)
    assert not list((tmp_path / "runs" / "tiny" / "checkpoints").glob("*.safetensors"))


def test_interrupted_search_kills_the_command(tmp_path: Path) -> None:
    began = tmp_path / "began"
    write(tmp_path, f"echo $$ > {began}; sleep 300 # {{model}}")
    with subprocess.Popen(
        command_with_warm_workers("search", "tiny.toml", *COSTS), cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: began.exists() and began.read_text(), "the command", within=process)
        process.send_signal(signal.SIGINT)
        assert process.wait(MOST_S) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(began.read_text()), 0)
