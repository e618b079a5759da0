from __future__ import annotations

import json
import pickle
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch

from space.core.errors import InvalidInputError
from space.modules import Classifier, Trained, build, load_weights, save_weights
from space.notation.parse import parse_notation

SPEC = parse_notation("MgNet[2,1]-[(4,3),(5,6)]-A^{l,i}-B^l", in_channels=3, num_classes=2)


def trained(**changes: Any) -> Trained:
    facts: dict[str, Any] = {
        "spec": SPEC.to_dict(),
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
        "image_size": (5, 7),
        "classes": ("no", "sí"),
        "data": "toy",
        "seed": 2**40,
        "epochs": 3,
        "val_accuracy": 1 / 3,
    }
    return Trained(**facts | changes)


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    network = build(SPEC).to(memory_format=torch.channels_last)
    network(torch.rand(4, 3, 5, 7))  # so that the running statistics are not those of a fresh network
    path = save_weights(tmp_path / "new" / "w.safetensors", network, trained())
    found, weights = load_weights(path)
    assert found == trained()
    assert found.network_spec() == SPEC
    expected = network.state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())
    assert [file.name for file in path.parent.iterdir()] == ["w.safetensors"]


def test_a_classifier_normalises_and_is_in_evaluation_mode(tmp_path: Path) -> None:
    network = build(SPEC)
    network(torch.rand(4, 3, 5, 7))
    classifier = Classifier.load(save_weights(tmp_path / "w", network, trained()))
    assert not any(module.training for module in classifier.modules())
    images = torch.rand(6, 3, 5, 7)
    normalised = torch.stack(
        [(images[:, c] - m) / s for c, m, s in ((0, 0.1, 0.4), (1, 0.2, 0.5), (2, 0.3, 0.6))], 1
    )
    torch.testing.assert_close(classifier(images), network.eval()(normalised))
    assert classifier.state_dict().keys() == {f"network.{name}" for name in network.state_dict()}


def test_predict_scales_whole_pixels_only(tmp_path: Path) -> None:
    classifier = Classifier.load(save_weights(tmp_path / "w", build(SPEC), trained()))
    pixels = torch.randint(0, 256, (20, 3, 5, 7), dtype=torch.uint8)
    scaled = pixels / 255
    with torch.no_grad():  # the threshold between the classes goes through the middle of these images
        margin = torch.tensor([-1.0, 1.0]) @ classifier(scaled).T
        classifier.network.get_submodule("head").bias[0] += margin.median() + 1e-6
    names = [("no", "sí")[index] for index in classifier(scaled).argmax(1).tolist()]
    assert set(names) == {"no", "sí"}
    assert classifier.predict(pixels) == classifier.predict(scaled) == names


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[: len(data) // 2], "is not a safetensors file or is damaged"),
        (lambda _: b"", "is not a safetensors file or is damaged"),
        (lambda _: pickle.dumps({"a": 1}) * 10, "is not a safetensors file or is damaged"),
        (lambda _: safetensors.torch.save({"a": torch.ones(1)}), "was not written by mgnas"),
        (lambda data: data.replace(b"val_accuracy", b"val_accuraxy"), "was not written by mgnas"),
        (lambda _: safetensors.torch.save({}, metadata={"mgnas": "[" * 100_000}), "was not written by mgnas"),
        (lambda data: data.replace(b"mgnet", b"mgnat"), "is damaged: it is not as it was written"),
        (lambda data: data.replace(b"toy", b"tay"), "is damaged: it is not as it was written"),
        (
            lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
            "is damaged: it is not as it was written",
        ),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, damage: Any, reason: str) -> None:
    path = save_weights(tmp_path / "w", build(SPEC), trained())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InvalidInputError, match=reason) as caught:
        Classifier.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"spec": SPEC.to_dict() | {"family": "mgnat"}}, "family must be one of"),
        ({"spec": SPEC.to_dict() | {"share_c": 1}}, "share_c"),
    ],
)
def test_a_file_without_a_checksum_is_read(
    tmp_path: Path, change: dict[str, Any], reason: str | None
) -> None:
    """As mgnas wrote them before it had one; what it says of its network is looked at all the same."""
    tensors = build(SPEC).state_dict()
    facts = trained().model_dump(mode="json") | change
    path = tmp_path / "w"
    path.write_bytes(safetensors.torch.save(tensors, metadata={"mgnas": json.dumps(facts)}))
    if reason is None:
        assert Classifier.load(path).trained == trained()
        return
    with pytest.raises(InvalidInputError, match=reason):
        Classifier.load(path)


def test_a_field_that_files_of_before_do_not_have_changes_no_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(Trained):
        colour: str = "blue"

    path = save_weights(tmp_path / "w", build(SPEC), trained())
    monkeypatch.setattr("space.networks.weights_file.Trained", Later)
    assert load_weights(path)[0] == Later(**trained().model_dump())


@pytest.mark.parametrize("name", ["gone", "folder"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInputError, match=f"there is no file of weights .*{name}"):
        load_weights(tmp_path / name)


@pytest.mark.parametrize("notation", ["MgNet[2,1]-[(4,3),(5,7)]-A^{l,i}-B^l", "MgNet[2,1]-[(4,3),(5,6)]-B^l"])
def test_weights_of_another_network_are_refused(tmp_path: Path, notation: str) -> None:
    other = build(parse_notation(notation, in_channels=3, num_classes=2))
    path = save_weights(tmp_path / "w", other, trained())
    with pytest.raises(InvalidInputError, match="do not fit the network"):
        Classifier.load(path)


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = save_weights(tmp_path / "w", build(SPEC), trained())
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_weights(path, build(SPEC), trained(epochs=4))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["w"]


def test_other_programs_see_that_the_tensors_are_those_of_torch(tmp_path: Path) -> None:
    with safetensors.safe_open(save_weights(tmp_path / "w", build(SPEC), trained()), "pt") as file:
        assert file.metadata()["format"] == "pt"


def test_a_file_of_weights_is_checked_without_torch(tmp_path: Path) -> None:
    path = save_weights(tmp_path / "w", build(SPEC), trained())
    code = (
        "import sys; from space.networks.weights_file import read_trained; "
        f"print(read_trained({str(path)!r})[0].epochs, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3 False\n"


def test_equal_weights_are_equal_files(tmp_path: Path) -> None:
    network = build(SPEC)
    files = {save_weights(tmp_path / f"{i}", network, trained()).read_bytes() for i in range(20)}
    assert len(files) == 1
