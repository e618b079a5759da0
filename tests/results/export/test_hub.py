"""The tools of the Hugging Face hub read an export, offline."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin

from results.export.card_metadata import dataset_name, yaml_text
from results.export.folder import export_trial
from space.modules import Classifier
from tests.support.export_study import CLASSES, GREY, make_study


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    study = make_study(folder)
    return export_trial(study, study.trial(0), folder / "out", ["hub"]).folder


def test_model_card_has_the_metadata_of_the_hub(export: Path) -> None:
    data = ModelCard.load(export / "README.md").data
    assert (data.license, data.library_name, data.pipeline_tag) == (
        "unknown",
        "pytorch",
        "image-classification",
    )
    assert data.datasets == ["toy"]
    assert data.metrics == ["accuracy"]
    assert "safetensors" in data.tags
    assert data.model_name == GREY.notation
    (result,) = data.eval_results
    assert (result.task_type, result.dataset_type, result.dataset_split) == (
        "image-classification",
        "toy",
        "validation",
    )
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.8125)


def test_config_states_classes_and_preprocessing(export: Path) -> None:
    config = json.loads((export / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {str(index): name for index, name in enumerate(CLASSES)}
    assert config["label2id"] == {name: index for index, name in enumerate(CLASSES)}
    facts = json.loads((export / "export.json").read_text(encoding="utf-8"))
    assert config["preprocessing"] == facts["preprocessing"]
    assert facts["preprocessing"]["image_size"] == [10, 14]


def test_mixin_of_the_hub_loads_the_folder(export: Path) -> None:
    spec = importlib.util.spec_from_file_location("exported_model", export / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class HubNetwork(module.Network, PyTorchModelHubMixin):  # type: ignore[misc, name-defined]
        pass

    network = HubNetwork.from_pretrained(export).eval()
    images = torch.rand(3, 1, 10, 14)
    with torch.no_grad():
        torch.testing.assert_close(network(images), Classifier.load(export)(images))


@pytest.mark.parametrize(
    ("data", "name"), [("imagefolder:photos", "imagefolder-photos"), ("猫", "images"), ("a b", "a-b")]
)
def test_dataset_name_has_the_characters_of_the_hub(data: str, name: str) -> None:
    assert dataset_name(data) == name


def test_yaml_quotes_what_is_no_plain_word() -> None:
    text = yaml_text({"a": [{"b": "x: y", "c": [{"d": 1}]}, {"b": "no", "c": []}], "e": {"f": "ñ"}})
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(text) == {
        "a": [{"b": "x: y", "c": [{"d": 1}]}, {"b": "no", "c": []}],
        "e": {"f": "ñ"},
    }
