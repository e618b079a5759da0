"""The generated Python file computes the same as the network of mgnas, for every built-in family."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from PIL import Image

from results.export.choice import choose
from results.export.standalone.source import standalone_source, why_not_standalone
from space.core.errors import InvalidInputError
from space.modules import Classifier, Trained, build, save_weights
from space.networks.plugins import load_plugins
from space.networks.spec import Spec
from space.notation.parse import parse_notation
from tests.support.command_line import process_state_restored
from tests.support.profiles import examples
from tests.support.strategies import networks

ROOT = Path(__file__).parents[3]


def written(folder: Path, spec: Spec, *, classes: tuple[str, ...] = (), test_flip: bool = False) -> Path:
    """Write model.py and model.safetensors of a network whose every number differs from a fresh one's."""
    torch.manual_seed(0)
    network = build(spec)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor += 0.2 * torch.rand(tensor.shape)
    channels = spec.in_channels
    trained = Trained(
        spec=spec.to_dict(), mean=(0.4,) * channels, std=(0.3,) * channels, image_size=(9, 11),
        classes=classes or tuple(map(str, range(spec.num_classes))), data="toy", seed=0, epochs=1,
        val_accuracy=0.5, test_flip=test_flip,
    )  # fmt: skip
    save_weights(folder / "model.safetensors", network, trained)
    (folder / "model.py").write_text(standalone_source(trained), encoding="utf-8")
    return folder / "model.py"


def check(file: Path) -> None:
    classifier = Classifier.load(file.parent)
    images = torch.rand(3, len(classifier.trained.mean), 9, 11)
    with torch.no_grad():
        expected = classifier(images)
        got = runpy.run_path(str(file))["load"]()(images)
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(got / scale, expected / scale, rtol=0, atol=1e-4)


@examples(60)
@given(networks())
def test_every_built_in_network_agrees_with_torch(
    tmp_path_factory: pytest.TempPathFactory, spec: Spec
) -> None:
    check(written(tmp_path_factory.mktemp("out"), spec))


def test_mirror_images_are_averaged(tmp_path: Path) -> None:
    spec = parse_notation("MgNet[2,1]-[(4,3),(5,6)]-B^l", in_channels=3, num_classes=3)
    check(written(tmp_path, spec, test_flip=True))


def test_file_imports_torch_only_and_shares_operators_as_modules(tmp_path: Path) -> None:
    spec = parse_notation("MgNet[2,2]-4-A-B^l", in_channels=1, num_classes=2)
    file = written(tmp_path, spec)
    text = file.read_text(encoding="utf-8")
    assert "mgnas" not in [line for line in text.splitlines() if line.startswith(("import", "from"))]
    network = runpy.run_path(str(file))["load"]()
    assert [len(level.A) for level in network.levels] == [1, 0]
    assert sum(parameter.numel() for parameter in network.parameters()) == spec.params


def test_class_names_and_preprocessing_are_constants(tmp_path: Path) -> None:
    odd = ('"a', "ñandú", "line\nbreak", "$x {y} \\")
    spec = parse_notation("MgNet[1]-4-B^l", in_channels=3, num_classes=4)
    module = runpy.run_path(str(written(tmp_path, spec, classes=odd)))
    assert module["CLASSES"] == odd
    assert (module["IMAGE_SIZE"], module["CHANNELS"], module["COLOUR"]) == ((9, 11), 3, "RGB")
    from trainers.data.image_files import ImageForm, read_pixels

    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 256, (40, 30, 4), dtype=np.uint8)).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        got = module["preprocess"](picture)
    expected = read_pixels(tmp_path / "a.png", ImageForm((9, 11), "RGB"))
    np.testing.assert_allclose(got.permute(1, 2, 0).numpy() * 255, expected, atol=1e-3)


def test_family_of_a_plugin_is_refused_by_name_and_left_out_by_default() -> None:
    with process_state_restored():
        load_plugins([ROOT / "examples" / "my_family.py"])
        spec = parse_notation("Plain(depth=2,width=4)", in_channels=1, num_classes=2)
        assert "comes from a plugin" in str(why_not_standalone(spec))
        names, skipped = choose(None, spec)
        assert names == ["spec", "safetensors", "onnx", "pt2", "hub"]
        assert list(skipped) == ["python"]
        with pytest.raises(InvalidInputError, match=r"^the format python is not possible: the family plain"):
            choose(["python"], spec)
