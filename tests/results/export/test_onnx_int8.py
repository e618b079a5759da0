"""The export format ``onnx-int8``: its file, its figures, and its warnings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from results.export.folder import ExportResult, export_trial
from results.export.onnx_file import ONNX_FILE, write_onnx
from results.export.onnx_int8 import INT8_FILE, int8_line, int8_warnings, write_onnx_int8
from results.export.proof import Proof, Proofs
from results.export.sample import Sample
from results.export.source import Source
from results.open import Study
from results.study import StudyReader
from search.prediction.runner import load_runner
from space.core.errors import InvalidInputError
from space.notation.parse import parse_notation
from tests.support.export_study import SIZES, make_study
from tests.support.pages import source_of


def sample(_study: StudyReader, most: int, _image_size: tuple[int, int]) -> Sample:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (min(most, 40), *SIZES[1], 1), dtype=np.uint8)
    return Sample(images, rng.integers(0, 4, len(images)), "toy images", calibration=images)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def exported(study: Study, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    return export_trial(study, study.trial(0), tmp_path_factory.mktemp("int8") / "out", ["onnx-int8"], sample)


def test_export_writes_both_networks_and_compares_them(exported: ExportResult) -> None:
    assert {path.name for path in exported.files} >= {INT8_FILE, ONNX_FILE, "classify.py"}
    assert exported.proofs is not None
    proof = exported.proofs.formats["onnx-int8"]
    assert 0 < proof.max_difference < 1
    assert proof.limit is None
    assert proof.agreement > 0.8
    size = (exported.folder / INT8_FILE).stat().st_size
    assert exported.figures["onnx-int8"].startswith(f"{size / 1000:.1f} kB (float: ")
    assert "larger" in exported.warnings[0]
    manifest = json.loads((exported.folder / "export.json").read_text(encoding="utf-8"))
    assert manifest["proof"]["formats"]["onnx-int8"]["limit"] is None
    assert INT8_FILE in (exported.folder / "README.md").read_text(encoding="utf-8")


def test_int8_file_says_what_the_float_file_says_and_predicts(exported: ExportResult) -> None:
    models = [onnx.load(exported.folder / name) for name in (ONNX_FILE, INT8_FILE)]
    facts = [{one.key: one.value for one in model.metadata_props} for model in models]
    assert facts[0].items() <= facts[1].items()
    assert [one.name for one in models[1].graph.input] == ["images"]
    assert models[1].ir_version == models[0].ir_version
    images = sample(None, 8, (0, 0)).images  # type: ignore[arg-type]
    odds = [load_runner(exported.folder / name).probabilities(images) for name in (ONNX_FILE, INT8_FILE)]
    np.testing.assert_allclose(odds[0], odds[1], atol=0.05)
    assert not np.array_equal(odds[0], odds[1])


def written(folder: Path, notation: str) -> onnx.ModelProto:
    spec = parse_notation(notation, in_channels=3, num_classes=3)
    folder.mkdir()
    source = source_of(spec, folder / "model.safetensors", ("x", "y", "z"), (12, 16))
    images = np.random.default_rng(0).integers(0, 256, (20, 12, 16, 3), dtype=np.uint8)
    source = Source(spec, source.path, load_sample=lambda _: Sample(images, None, "toy", calibration=images))
    write_onnx(source, folder)
    write_onnx_int8(source, folder)
    return onnx.load(folder / INT8_FILE)


def kernels(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    return {name: array for name, array in arrays.items() if array.ndim == 4 and array.size > 3}


def test_shared_weights_are_stored_once_in_seven_bits_with_a_scale_for_each_channel(tmp_path: Path) -> None:
    deep, flat = (written(tmp_path / str(n), f"MgNet[{n}]-(6,8)-B^l") for n in (5, 1))
    assert {name: array.shape for name, array in kernels(deep).items()} == {
        name: array.shape for name, array in kernels(flat).items()
    }
    assert len(kernels(deep)) == 3, "stem, A and B"
    assert {one.name: one.data_type for one in deep.graph.initializer}[
        "network.head.weight_quantized"
    ] == onnx.TensorProto.INT8
    for name, array in kernels(deep).items():
        assert array.dtype == np.int8
        assert np.abs(array.astype(int)).max() == 64
        scales = next(
            one for one in deep.graph.initializer if one.name == name.replace("_quantized", "_scale")
        )
        assert list(scales.dims) == [len(array)]


def test_same_network_and_images_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (written(tmp_path / str(n), "MgNet[2,1]-4-B^l") for n in (1, 2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


def test_format_is_refused_without_training_images(study: Study, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="onnx-int8 needs training images of the study"):
        export_trial(study, study.trial(0), tmp_path / "out", ["onnx-int8"])
    assert list(tmp_path.iterdir()) == []


def proofs_of(float_accuracy: float | None, accuracy: float | None) -> Proofs:
    int8 = Proof(0.2, None, 0.99, accuracy, 0.1, 50, "onnxruntime")
    return Proofs("validation images", 1000, "", float_accuracy, {"onnx-int8": int8})


@pytest.mark.parametrize(
    ("sizes", "accuracies", "expected"),
    [
        ((100, 99), (0.9, 0.895), []),
        ((100, 101), (0.9, 0.9), ["larger than model.onnx"]),
        ((100, 50), (0.9, 0.89), ["loses 1.00 points of accuracy on the validation images"]),
        ((100, 150), (0.9, 0.5), ["larger", "loses 40.00 points"]),
        ((100, 50), (None, None), []),
    ],
)
def test_larger_file_and_lost_accuracy_are_warned_of(
    tmp_path: Path,
    sizes: tuple[int, int],
    accuracies: tuple[float | None, float | None],
    expected: list[str],
) -> None:
    for name, size in zip((ONNX_FILE, INT8_FILE), sizes, strict=True):
        (tmp_path / name).write_bytes(bytes(1000 * size))
    found = int8_warnings(tmp_path, proofs_of(*accuracies))
    assert len(found) == len(expected)
    assert all(text in line for text, line in zip(expected, found, strict=True))
    line = int8_line(tmp_path, proofs_of(*accuracies))
    assert line.startswith(f"{sizes[1]}.0 kB (float: 100.0 kB)")
    assert ("accuracy" in line) == (accuracies[0] is not None)


def test_images_of_calibration_reach_the_network_as_in_a_prediction(tmp_path: Path) -> None:
    """The scale of the pixels is that of images N C H W from 0 to 1: the first layer sees them normalised."""
    model = written(tmp_path / "net", "MgNet[1]-4-B^l")
    scales = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    images = torch.linspace(0, 1, 256)
    extremes = [(images - mean) / std for mean, std in ((0.4, 0.3), (0.5, 0.2), (0.6, 0.1))]
    span = max(float(e.max()) for e in extremes) - min(float(e.min()) for e in extremes)
    first = next(name for name in scales if name.startswith("Div") and name.endswith("_scale"))
    assert float(scales[first]) == pytest.approx(span / 255, rel=0.01)
