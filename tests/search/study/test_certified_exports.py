"""Picks and exports of a certified study: certified figures and weights come first."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

import mgnas as api
from results.chosen import uncertified
from results.open import Study, open_study
from results.report.html import certified_export_command
from search.cli.main import run
from space.core.errors import InvalidInputError
from tests.support.studies import write_study

CHEAP = ["spec", "safetensors"]


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study whose front, one network of the user and one reference are certified from two seeds."""
    home = tmp_path_factory.mktemp("home")
    file = write_study(home, epochs=1, trials=4)
    api.run_search(file, folder=home / "s", settings={"data.test_fraction": 0.25}, progress=False)
    api.certify(home / "s", seeds=2, references=["resnet18@0.05"], progress=False)
    return api.certify(home / "s", seeds=2, networks=["MgNet[1]-5-B^l"], progress=False)


def facts_of(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    return facts


def weights_of(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_pick_after_a_certification_is_of_the_certified_front(certified: Study) -> None:
    best = max(certified.certification.front, key=lambda network: (network.val.mean, -network.params))
    chosen = certified.pick("best")
    assert chosen.certified == best
    assert chosen.val_accuracy == fmean(trial.val_accuracy for trial in best.trainings)
    assert chosen.trial == best.exported
    assert chosen.trial.val_accuracy == max(trial.val_accuracy for trial in best.trainings)


def test_pick_among_searched_networks_is_of_the_search(certified: Study) -> None:
    chosen = certified.pick("best", searched=True)
    assert chosen.certified is None
    assert chosen.trial in certified.front_records
    assert chosen.study is certified


def test_trial_of_the_search_is_exported_with_its_certified_weights(certified: Study, tmp_path: Path) -> None:
    network = next(one for one in certified.certification.networks if one.search_trial is not None)
    result = certified.export(network.search_trial, tmp_path / "out", CHEAP)
    expected = certified.certification.folder / network.exported.weights
    assert weights_of(result.folder) == expected.read_bytes()
    own = certified.export(network.search_trial, tmp_path / "own", CHEAP, searched=True)
    assert (
        weights_of(own.folder)
        == (certified.folder / certified.trial(network.search_trial).weights).read_bytes()
    )


def test_card_and_export_json_state_the_certified_figures(certified: Study, tmp_path: Path) -> None:
    chosen = certified.pick("best")
    folder = certified.export(chosen, tmp_path / "out", CHEAP).folder
    facts, network = facts_of(folder), chosen.certified
    assert network is not None
    figures = facts["figures"]
    assert (facts["study"], facts["trial"], facts["seed"]) == ("s", chosen.search_trial, chosen.trial.seed)
    assert (figures["split"], figures["accuracy"]) == ("test", network.test.mean)
    assert figures["interval"] == [network.test.low, network.test.high]
    assert figures["certified"] == {
        "seeds": [0, 1],
        "deviation": network.test.deviation,
        "val_accuracy": network.val.mean,
        "openings": 2,
        "folder": "s/certification",
        "trial": chosen.trial.number,
        "seed": chosen.trial.seed,
        "training_accuracy": network.test_accuracies[chosen.trial.seed],
    }
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"| Test accuracy, mean of 2 seeds | {100 * network.test.mean:.2f} % |" in card
    assert f"These weights are those of seed {chosen.trial.seed}" in card
    assert "The test split was opened 2 times: later figures are optimistic." in card


def test_searched_export_states_the_validation_accuracy(certified: Study, tmp_path: Path) -> None:
    facts = facts_of(certified.export("best", tmp_path / "out", CHEAP, searched=True).folder)
    assert facts["figures"]["split"] == "validation"
    assert facts["figures"]["certified"] is None


def test_export_commands_of_all_certified_networks_run(
    certified: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    for network in certified.certification.networks:
        command = shlex.split(certified_export_command(certified.folder, network))
        run([*command[1:], "--formats", "spec"])
        out = capsys.readouterr().out
        assert network.notation in out
        assert f"certified: test accuracy {100 * network.test.mean:.2f}" in out
        assert f"weights of seed {network.exported.seed}, trial {network.exported.number} of " in out
    names = {path.name for path in (certified.folder / "exports").iterdir()}
    reference = next(one for one in certified.certification.networks if one.origin == "reference")
    assert f"network-{reference.arch}" in names


def test_export_without_options_exports_the_recommended_network(
    certified: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["export", str(certified.folder), "-o", str(tmp_path / "out"), "--formats", "spec"])
    assert certified.pick().notation in capsys.readouterr().out
    assert facts_of(tmp_path / "out")["arch"] == certified.pick("within-1se").arch


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--network", "resnet99"], "has no network 'resnet99'"),
        (["--network", "resnet18@0.05", "--searched"], "--searched goes with --trial or --pick"),
        (["--network", "resnet18@0.05", "--trial", "0"], "--trial and --network exclude each other"),
        (["--trial", "0", "--max-params", "9"], "--max-params goes with --pick, not with --trial"),
    ],
)
def test_impossible_exports_are_refused(
    certified: Study, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(certified.folder), *options]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.slow
def test_pick_of_a_front_that_is_not_certified_as_a_whole_is_of_the_search(
    certified: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(certified.folder, tmp_path / "s"))
    shutil.rmtree(folder / "certification")
    api.certify(folder, seeds=1, trials=[0], epochs=2, progress=False)
    left_out = [trial for trial in certified.front_records if trial.number != 0]
    study = open_study(folder)
    assert uncertified(study) == left_out
    assert study.pick("best").arch == study.pick("best", searched=True).arch
    assert study.network(0).certified is not None
    assert run(["export", str(folder), "-o", str(tmp_path / "out"), "--formats", "spec"]) == 0
    numbers = ", ".join(str(trial.number) for trial in left_out)
    assert f"trials of its front are not certified: {numbers};" in capsys.readouterr().err


def test_name_before_a_certification_is_refused(certified: Study, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(certified.folder, tmp_path / "s"))
    shutil.rmtree(folder / "certification")
    with pytest.raises(InvalidInputError, match="has no certified networks"):
        open_study(folder).network("resnet18@0.05")
