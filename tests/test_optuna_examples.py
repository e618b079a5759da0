"""The examples for Optuna's users: programs for scikit-learn and Lightning, and the package for OptunaHub."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import optuna
import optunahub
import pytest
import yaml

ROOT = Path(__file__).parents[1]
REGISTRY = ROOT / "examples" / "optunahub" / "package"
PACKAGE = REGISTRY / "samplers" / "frontier"


def run(program: Path, *options: str, cwd: Path) -> str:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-P", program, *options],
        cwd=cwd, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sklearn_mlp", "lightning_module"])
def test_example_prints_a_front(name: str, tmp_path: Path) -> None:
    out = run(ROOT / "examples" / "optuna" / f"{name}.py", "--trials", "6", "--epochs", "3", cwd=tmp_path)
    sizes = [int(found.replace(",", "")) for found in re.findall(r"([\d,]+) parameters", out)]
    assert sizes
    assert sizes == sorted(sizes)


@pytest.mark.slow
def test_cost_of_the_lightning_example_is_exact(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'examples' / 'optuna')!r})\n"
        "import torch, lightning_module as example\n"
        "for width, kernel in ((2, 3), (7, 5), (32, 3)):\n"
        "    module = example.Digits(width, kernel, 0.1)\n"
        "    module.net(torch.zeros(1, 1, 8, 8))\n"
        "    found = sum(p.numel() for p in module.parameters())\n"
        "    print(found == example.num_params({'width': width, 'kernel': kernel}))\n"
    )
    program = tmp_path / "count.py"
    program.write_text(code)
    assert run(program, cwd=tmp_path).split() == ["True"] * 3


def test_package_of_optunahub_is_loaded_and_searches() -> None:
    module = optunahub.load_local_module("samplers/frontier", registry_root=str(REGISTRY))
    stopping = module.EarlyStopping(3, costs=lambda params: params["x"])
    sampler = module.FrontierSampler(lambda params: params["x"], seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x = trial.suggest_float("x", 1, 2)
        for epoch in range(1, 4):
            if stopping.report(trial, epoch, x * epoch):
                raise optuna.TrialPruned
        return 3 * x, x

    study.optimize(objective, n_trials=8)
    assert len(study.trials) == 8
    assert study.best_trials


def test_package_has_what_the_registry_asks_for() -> None:
    assert {file.name for file in PACKAGE.iterdir() if file.is_file()} >= {
        "README.md", "__init__.py", "example.py", "LICENSE", "requirements.txt",
    }  # fmt: skip
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    _, head, body = (PACKAGE / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    facts = yaml.safe_load(head)
    assert set(facts) == {"author", "title", "description", "tags", "optuna_versions", "license"}
    assert "sampler" in facts["tags"]
    assert facts["license"] == "Apache License 2.0"
    titles = re.findall(r"^## (.+)$", body, flags=re.MULTILINE)
    assert titles[:4] == ["Abstract", "APIs", "Installation", "Example"]


@pytest.mark.slow
def test_example_in_the_readme_of_the_package_runs(tmp_path: Path) -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    from_checkout, code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    program = tmp_path / "readme.py"
    program.write_text(from_checkout + "print(type(module.FrontierSampler(seed=0)).__name__)\n")
    assert run(program, cwd=ROOT) == "FrontierSampler\n"
    local = f'optunahub.load_local_module("samplers/frontier", registry_root={str(REGISTRY)!r})'
    code = code.replace('optunahub.load_module("samplers/frontier")', local)
    assert local in code
    program.write_text(code + "print(len(study.best_trials))\n")
    assert int(run(program, cwd=tmp_path)) >= 1
    example = (PACKAGE / "example.py").read_text(encoding="utf-8")
    program.write_text(example.replace('optunahub.load_module("samplers/frontier")', local))
    assert run(program, cwd=tmp_path).count("width") >= 1
