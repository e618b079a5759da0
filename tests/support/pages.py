"""A page of the format ``web`` for tests: its network, its file, and what ``mgnas predict`` says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from results.export.onnx_file import write_onnx
from results.export.sample import Sample, random_sample
from results.export.source import Source
from results.export.web.page import WEB_FILE, write_web
from search.prediction.inputs import chunks
from search.prediction.runner import load_runner
from space.modules import Trained, build, save_weights
from space.networks.spec import Spec
from tests.support.browser import Browser

MEAN, STD = (0.4, 0.5, 0.6), (0.3, 0.2, 0.1)


@dataclass(frozen=True)
class Page:
    """An export with the formats onnx and web."""

    folder: Path
    line: str

    @property
    def file(self) -> Path:
        return self.folder / WEB_FILE

    def predicted(self, picture: Path) -> dict[str, float]:
        """The probability of each class in percent, as ``mgnas predict`` finds it."""
        runner = load_runner(self.folder)
        ((image,),) = list(chunks([str(picture)], runner.preprocessing))
        assert image.pixels is not None
        (odds,) = runner.probabilities(image.pixels[None])
        return dict(zip(runner.preprocessing.classes, 100 * odds, strict=True))


def source_of(spec: Spec, path: Path, classes: tuple[str, ...], size: tuple[int, int]) -> Source:
    """A network with random weights, whose logits differ from image to image, written to ``path``."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = build(spec)
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                tensor += 0.3 * torch.rand(tensor.shape) - 0.15
            if name == "head.weight":
                tensor *= 6
    channels = spec.in_channels
    trained = Trained(
        spec=spec.to_dict(), mean=MEAN[:channels], std=STD[:channels], image_size=size, classes=classes,
        data="toy", seed=1, epochs=1, val_accuracy=0.75, test_flip=channels == 3,
    )  # fmt: skip
    save_weights(path, network, trained)

    def sample(trained: Trained) -> Sample:
        return random_sample(trained, "toy")

    return Source(spec, path, load_sample=sample)


def page_of(spec: Spec, folder: Path, classes: tuple[str, ...], size: tuple[int, int] = (12, 16)) -> Page:
    """Write a page of a network with random weights."""
    source = source_of(spec, folder / "model.safetensors", classes, size)
    write_onnx(source, folder)
    return Page(folder, write_web(source, folder))


def shown(browser: Browser, card: str = "article") -> dict[str, float]:
    """The probability of each class in percent, in the first result of a page."""
    rows = browser.evaluate(
        f"Array.from(document.querySelectorAll('{card}')[0].querySelectorAll('li'), "
        "(row) => Array.from(row.children, (cell) => cell.textContent))"
    )
    return {name: float(share.removesuffix(" %")) for name, share in rows}
