"""The recipes for Slurm and Kubernetes: the files parse, and the commands in them run here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from results.open import open_study
from tests.search.study.test_faults import STUDY
from tests.support.ray_cluster import processes_with
from tests.support.studies import write_study

EXAMPLES = Path(__file__).parents[2] / "examples"
BATCH = EXAMPLES / "slurm" / "search.sbatch"
MARK = "MGNAS_TEST_SLURM"
SRUN = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
exec "$@"
"""


def test_batch_script_parses() -> None:
    subprocess.run(["bash", "-n", BATCH], check=True)


def test_batch_script_has_slurms_lines_before_its_first_command() -> None:
    lines = BATCH.read_text(encoding="utf-8").splitlines()
    first = next(index for index, line in enumerate(lines) if line and not line.startswith("#"))
    asked = [line for line in lines if line.startswith("#SBATCH ")]
    assert len(asked) >= 5
    assert all(lines.index(line) < first for line in asked)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_batch_script_starts_ray_and_searches_on_it(tmp_path: Path) -> None:
    """Slurm's two commands are replaced, as on one node; all others are real."""
    write_study(tmp_path, trials=3)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in {"srun": SRUN, "scontrol": "#!/bin/sh\necho 127.0.0.1\n"}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    sessions = tempfile.mkdtemp(prefix="ray-")
    facts = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NODELIST": "n", "SLURM_JOB_NUM_NODES": "1"}
    environment = facts | {
        "SLURM_CPUS_PER_TASK": "2",
        "RAY_TMPDIR": sessions,
        "HOME": str(tmp_path),
        "PATH": path,
    }
    try:
        run = subprocess.run(
            ["bash", BATCH, "tiny.toml", STUDY],
            cwd=tmp_path,
            env=os.environ | environment | {MARK: str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        for pid in processes_with(MARK, str(tmp_path)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(sessions, ignore_errors=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert open_study(tmp_path / STUDY).num_finished == 3
    assert "on a Ray cluster of 1 node" in run.stderr
    assert (tmp_path / ".ray" / "auth_token").stat().st_size > 0


def documents() -> list[dict[str, Any]]:
    text = (EXAMPLES / "kubernetes" / "raycluster.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load_all(text))


def test_kubernetes_file_has_the_fields_that_kuberay_requires() -> None:
    volume, cluster = documents()
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    (workers,) = spec["workerGroupSpecs"]
    assert workers["groupName"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    for group in (spec["headGroupSpec"], workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert {"name", "image", "resources"} <= set(container)
        (claim,) = [one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"]]
        assert claim == volume["metadata"]["name"]
        assert [mount["name"] for mount in container["volumeMounts"]] == [pod["volumes"][0]["name"]]
        variables = {one["name"]: one.get("value") for one in container["env"]}
        assert (variables["RAY_USAGE_STATS_ENABLED"], variables["RAY_AUTH_MODE"]) == ("0", "token")


@pytest.mark.slow
def test_pods_of_kubernetes_start_ray_with_options_that_it_has() -> None:
    known = subprocess.run(
        [Path(sys.executable).parent / "ray", "start", "--help"], capture_output=True, text=True, check=True
    ).stdout
    _, cluster = documents()
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    for name in {name for group in groups for name in group["rayStartParams"]}:
        assert f"--{name} " in known
