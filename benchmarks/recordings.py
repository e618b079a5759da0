"""The definitions of recorded tables: a small space, images, and a recipe for its networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cifar16 import load_cifar16, load_grey16
from search.simulator.tabular_benchmark import CIFAR16, DIGITS8, GREY16
from search.study.resolve import Request, resolve, study_or_preset
from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.networks.spec import Spec
from space.search_space import SearchSpace
from trainers.data.load_splits import load_search_data
from trainers.data.splits import SearchData, Split
from trainers.recipe import Recipe

MOST_POINTS = 10_000
"""Points of a space of one's own, of which each network is trained."""


@dataclass(frozen=True)
class Recording:
    """The definition of a table: ``recipe`` trains every network of ``space`` on the data of ``load``.

    Every network is trained from seed 0. By size, every ``step``-th network is also trained from
    ``more_seeds``. ``load`` takes the file with the images, or None if it needs no file. ``path`` is the file
    of the table. With ``expects``, a model of the whole table estimates the mean final accuracy of each
    network.
    """

    path: Path
    description: str
    space_section: Mapping[str, Any]
    recipe: Recipe
    load: Callable[[Path | None], SearchData]
    image_size: tuple[int, int]
    in_channels: int = 3
    num_classes: int = 10
    more_seeds: tuple[int, ...] = (1, 2)
    step: int = 6
    expects: bool = True

    @property
    def config(self) -> SpaceConfig:
        return SpaceConfig.model_validate(self.space_section)

    def space(self) -> SearchSpace:
        return SearchSpace(
            self.config,
            in_channels=self.in_channels,
            num_classes=self.num_classes,
            image_size=self.image_size,
        )

    def networks(self) -> list[Spec]:
        """Return every network of the space once, by size."""
        space = self.space()
        found = {
            spec.arch: spec for spec in (space.spec(point).canonical() for point in space.feasible_points())
        }
        return sorted(found.values(), key=lambda spec: (spec.params, spec.arch))

    def jobs(self) -> list[tuple[Spec, int]]:
        """Return networks and seeds in an order whose every prefix covers all sizes."""
        specs = self.networks()
        spread = [spec for start in range(self.step) for spec in specs[start :: self.step]]
        return [(spec, 0) for spec in spread] + [
            (spec, seed) for seed in self.more_seeds for spec in specs[:: self.step]
        ]


def recording_of(study: str, path: Path, num_seeds: int) -> Recording:
    """Return the recording of a study, with ``num_seeds`` seeds for every network.

    ``study`` is a study file, a preset or a folder.

    Raises:
        InvalidInputError: The study does not exist, its images cannot be read, or its space has too many
            networks or contains training keys.
    """
    config, _ = resolve(Request(*study_or_preset(study)))
    data = load_search_data(config.data)
    recording = Recording(
        path=path,
        description=f"{data.name}, {len(data.train)} images to train, {len(data.val)} to validate",
        space_section=config.space.model_dump(),
        recipe=config.train,
        load=lambda _: data,
        image_size=data.image_size,
        in_channels=data.in_channels,
        num_classes=data.num_classes,
        more_seeds=tuple(range(1, num_seeds)),
        step=1,
        expects=num_seeds == 1,
    )
    if config.space.train:
        raise InvalidInputError(f"{study} searches the training too ([space.train]), which no table has")
    if (size := recording.space().size()) > MOST_POINTS:
        raise InvalidInputError(
            f"the space of {study} has {size:,} points; at most {MOST_POINTS:,} are recorded"
        )
    return recording


def _cifar16(file: Path | None) -> SearchData:
    return load_cifar16(_given(file), 2560, 2500)


def _grey16(file: Path | None) -> SearchData:
    return load_grey16(_given(file))


def _given(file: Path | None) -> Path:
    if file is None:
        raise SystemExit("--data is missing: an .npz file with CIFAR-10")
    return file


def _noisy_digits(_: Path | None) -> SearchData:
    """Return scikit-learn's 1,797 digits with 600 training images; strong noise separates the networks."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rng = np.random.default_rng(0)
    noisy = np.round(digits.images * 16.0 + rng.normal(0.0, 80.0, digits.images.shape))
    images = np.clip(noisy, 0, 255).astype(np.uint8)[..., None]
    rows = rng.permutation(len(images))
    images, labels = images[rows], digits.target[rows].astype(np.int64)
    return SearchData(
        "noisy digits",
        tuple("0123456789"),
        Split(images[:600], labels[:600]),
        Split(images[600:], labels[600:]),
    )


_OF_PHOTOS = Recipe(
    epochs=9,
    batch_size=64,
    lr=0.05,
    optimizer="muon",
    muon_decay=1.0,
    flip=True,
    crop_padding=2,
    precision="float32",
)
RECORDINGS = {
    "cifar16": Recording(
        path=CIFAR16,
        description="CIFAR-10 (JPEG quality 95) at 16 x 16 pixels, 2,560 images to train, 2,500 to validate",
        space_section={
            "levels": 3,
            "nu": [1, 2],
            "c_u": {"first": [8, 16], "increment": [0, 8, 16]},
            "c_f": "c_u",
            "share_a": ["level", "iteration"],
            "share_b": ["level", "iteration"],
        },
        recipe=_OF_PHOTOS,
        load=_cifar16,
        image_size=(16, 16),
    ),
    "digits8": Recording(
        path=DIGITS8,
        description="scikit-learn's digits, 8 x 8 pixels with noise of deviation 80 of 255, "
        "600 images to train, 1,197 to validate",
        space_section={
            "levels": 2,
            "nu": {"low": 1, "high": 4},
            "c_u": {"first": [3, 6, 12], "increment": [0, 6, 12]},
            "c_f": "c_u",
            "share_a": ["level", "iteration"],
            "share_b": ["level", "iteration"],
        },
        recipe=Recipe(epochs=9, batch_size=32, lr=0.05, precision="float32"),
        load=_noisy_digits,
        image_size=(8, 8),
        in_channels=1,
    ),
    "grey16": Recording(
        path=GREY16,
        description="cats, deer, dogs, horses and ships of CIFAR-10 (JPEG quality 95) in grey "
        "at 16 x 16 pixels, 1,500 images to train, 2,000 to validate",
        space_section={
            "family": ["mgnet", "resnet"],
            "levels": [2, 3],
            "nu": {"low": 1, "high": 2},
            "c_u": {"first": [4, 8, 12], "increment": [0, 8]},
            "share_b": ["level", "iteration"],
        },
        recipe=_OF_PHOTOS.replaced({"batch_size": 50}),
        load=_grey16,
        image_size=(16, 16),
        in_channels=1,
        num_classes=5,
        more_seeds=(1,),
    ),
}
