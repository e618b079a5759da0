"""Predictions, one after the other, and their comparison with known labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.prediction.inputs import chunks
from search.prediction.runner import Runner


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image.

    Attributes:
        name: The file, or the place in an array.
        label: The true class if it is known.
        classes: The most probable classes, in descending order.
        probabilities: Their probabilities, from 0 to 1.
    """

    name: str
    label: str | None
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]

    def facts(self) -> dict[str, Any]:
        """Return the prediction as plain data."""
        top = [
            {"class": name, "probability": probability}
            for name, probability in zip(self.classes, self.probabilities, strict=True)
        ]
        return {"image": self.name, "label": self.label, **top[0], "top": top}


@dataclass(frozen=True)
class Skipped:
    """An image that cannot be read, and the reason."""

    name: str
    reason: str


@dataclass
class Evaluation:
    """The comparison with known labels.

    Attributes:
        classes: Names of the classes.
        confusion: Number of images K K: a row for each true class, a column for each predicted one.
    """

    classes: tuple[str, ...]
    confusion: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.confusion = np.zeros((len(self.classes), len(self.classes)), np.int64)

    def __len__(self) -> int:
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of correct predictions, from 0 to 1."""
        return float(np.trace(self.confusion) / len(self))

    @property
    def accuracies(self) -> list[float | None]:
        """The accuracy of each class; None for a class without images."""
        totals = self.confusion.sum(axis=1)
        return [
            float(right / total) if total else None
            for right, total in zip(np.diag(self.confusion), totals, strict=True)
        ]

    def facts(self) -> dict[str, Any] | None:
        """Return the comparison as plain data; None without labelled images."""
        if not len(self):
            return None
        totals = self.confusion.sum(axis=1).tolist()
        return {
            "images": len(self),
            "accuracy": self.accuracy,
            "per_class": [
                {"class": name, "images": total, "accuracy": accuracy}
                for name, total, accuracy in zip(self.classes, totals, self.accuracies, strict=True)
            ],
            "confusion": self.confusion.tolist(),
        }


def predictions(
    runner: Runner, arguments: Iterable[str], top: int, evaluation: Evaluation
) -> Iterator[Prediction | Skipped]:
    """Yield a prediction for each image, in order, or the reason why the image is skipped.

    Args:
        runner: The network.
        arguments: Image files, folders, and archives of arrays.
        top: Number of classes in a prediction.
        evaluation: Receives the labelled images.
    """
    classes = runner.preprocessing.classes
    for images in chunks(arguments, runner.preprocessing):
        readable = [image.pixels for image in images if image.pixels is not None]
        rows: Iterator[NDArray[np.float64]] = iter(
            runner.probabilities(np.stack(readable)) if readable else ()
        )
        for image in images:
            if image.pixels is None:
                yield Skipped(image.name, image.fault)
                continue
            row = next(rows)
            order = np.argsort(-row, kind="stable")[:top]
            if image.label is not None:
                evaluation.confusion[image.label, order[0]] += 1
            yield Prediction(
                image.name,
                None if image.label is None else classes[image.label],
                tuple(classes[index] for index in order),
                tuple(float(row[index]) for index in order),
            )
