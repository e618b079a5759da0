"""``mgnas predict``: classify images with an exported network, as a table, CSV or one JSON document."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from search.prediction.predict import Evaluation, Prediction, Skipped, predictions
from search.prediction.runner import Runner, load_runner
from space.core.errors import InvalidInputError, shown
from space.core.text import plural

MOST_COLUMNS = 20
"""Classes of a printed confusion matrix; with more classes, the most frequent confusions are listed."""
MOST_CONFUSIONS = 10


def predict_images(
    export: Path, images: Sequence[str], form: str, output: Path | None, top: int, backend: str | None
) -> int:
    """Classify images and write the predictions.

    Args:
        export: A folder of an export, or one of its files.
        images: Image files, folders, and archives of arrays.
        form: ``table``, ``csv`` or ``json``.
        output: The file; None for stdout.
        top: Number of classes for each image.
        backend: ``onnxruntime`` or ``torch``; None for the lighter one that is possible.

    Returns:
        The exit code: 0, or 1 if images were skipped.

    Raises:
        InvalidInputError: The export cannot be loaded, or no image can be read.
    """
    if top < 1:
        raise InvalidInputError(f"--top must be at least 1, but got {shown(top)}")
    runner = load_runner(export, backend)
    evaluation = Evaluation(runner.preprocessing.classes)
    num_read, skipped, rate = 0, [], Rate()
    with _opened(output) as out:
        writer = WRITERS[form](out, runner, min(top, len(evaluation.classes)))
        for one in predictions(runner, images, writer.top, evaluation):
            if isinstance(one, Skipped):
                skipped.append(one)
                sys.stderr.write(f"skipped: {' '.join(one.reason.split())}\n")
                continue
            if not num_read:
                writer.begin()
            num_read += 1
            writer.write(one)
            rate.show(num_read)
        if not num_read:
            raise InvalidInputError(
                f"none of the images could be read: {plural(len(skipped), 'was', 'were')} skipped"
            )
        writer.end(evaluation, skipped)
    if skipped:
        sys.stderr.write(f"{len(skipped):,} skipped, {num_read:,} classified\n")
    return int(bool(skipped))


class Rate:
    """Writes number and rate of the classified images to stderr, once in ``EVERY_S``."""

    EVERY_S = 10.0

    def __init__(self) -> None:
        self.began = self.shown = time.monotonic()

    def show(self, num_read: int) -> None:
        """Write the line if it is due."""
        now = time.monotonic()
        if now - self.shown >= self.EVERY_S:
            self.shown = now
            sys.stderr.write(f"{num_read:,} classified, {num_read / (now - self.began):,.0f} images/s\n")


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """Open the output: stdout, or a file that replaces an earlier one when it is complete."""
    if output is None:
        yield sys.stdout
        return
    if output.is_dir():
        raise InvalidInputError(f"{output} is a folder; name a file (--output)")
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


class Writer:
    """The base class of the forms of output; ``begin`` comes before the first prediction."""

    def __init__(self, out: TextIO, runner: Runner, top: int) -> None:
        self.out = out
        self.runner = runner
        self.top = top

    @abstractmethod
    def begin(self) -> None:
        """Write what comes before the predictions."""

    @abstractmethod
    def write(self, prediction: Prediction) -> None:
        """Write one prediction."""

    @abstractmethod
    def end(self, evaluation: Evaluation, skipped: list[Skipped]) -> None:
        """Write what comes after the predictions."""


class TableWriter(Writer):
    """A line for each image, then accuracy and confusion matrix."""

    def begin(self) -> None:
        """Write the head of the table."""
        self.width = max(5, *(len(name) for name in self.runner.preprocessing.classes))
        columns = [f"{'class':<{self.width}}  probability"] * self.top
        self.out.write("  ".join([*columns, "image"]) + "\n")

    def write(self, prediction: Prediction) -> None:
        """Write one line; a wrong class is marked with the label."""
        columns = [
            f"{_plain(name):<{self.width}}  {100 * probability:9.2f} %"
            for name, probability in zip(prediction.classes, prediction.probabilities, strict=True)
        ]
        is_wrong = prediction.label is not None and prediction.label != prediction.classes[0]
        wrong = f"  (label {_plain(str(prediction.label))})" if is_wrong else ""
        self.out.write("  ".join([*columns, _plain(prediction.name)]) + wrong + "\n")

    def end(self, evaluation: Evaluation, skipped: list[Skipped]) -> None:
        """Write the comparison with the labels."""
        if len(evaluation):
            self.out.write("\n" + "\n".join(evaluation_lines(evaluation)) + "\n")


class CsvWriter(Writer):
    """A row for each image; the comparison with the labels goes to stderr."""

    def begin(self) -> None:
        """Write the header."""
        self.rows = csv.writer(self.out, lineterminator="\n")
        numbers = ["" if place == 1 else f"_{place}" for place in range(1, self.top + 1)]
        self.rows.writerow(
            ["image", "label", *(f"{name}{n}" for n in numbers for name in ("class", "probability"))]
        )

    def write(self, prediction: Prediction) -> None:
        """Write one row."""
        pairs = zip(prediction.classes, prediction.probabilities, strict=True)
        self.rows.writerow(
            [prediction.name, prediction.label or "", *(value for pair in pairs for value in pair)]
        )

    def end(self, evaluation: Evaluation, skipped: list[Skipped]) -> None:
        """Write the accuracy to stderr."""
        if len(evaluation):
            sys.stderr.write(f"{next(evaluation_lines(evaluation))}\n")


class JsonWriter(Writer):
    """One document, written image by image."""

    def begin(self) -> None:
        """Write the facts of the network and open the list of images."""
        facts = {
            "export": str(self.runner.file),
            "backend": self.runner.backend,
            "classes": list(self.runner.preprocessing.classes),
        }
        self.out.write(json.dumps(facts)[:-1] + ',\n"images": [')
        self.separator = "\n"

    def write(self, prediction: Prediction) -> None:
        """Write one entry of the list."""
        self.out.write(self.separator + json.dumps(prediction.facts()))
        self.separator = ",\n"

    def end(self, evaluation: Evaluation, skipped: list[Skipped]) -> None:
        """Close the list, and write the comparison with the labels and the skipped images."""
        reasons = [{"image": one.name, "reason": one.reason} for one in skipped]
        self.out.write(f'\n],\n"evaluation": {json.dumps(evaluation.facts())},\n')
        self.out.write(f'"skipped": {json.dumps(reasons)}}}\n')


WRITERS: dict[str, type[Writer]] = {"table": TableWriter, "csv": CsvWriter, "json": JsonWriter}


def evaluation_lines(evaluation: Evaluation) -> Iterator[str]:
    """Yield accuracy, accuracy of each class, and confusions as text."""
    yield f"accuracy {100 * evaluation.accuracy:.2f} % of {len(evaluation):,} images with a label"
    names = [_plain(name) for name in evaluation.classes]
    width = max(5, *(len(name) for name in names))
    yield ""
    yield f"{'class':<{width}}     images   accuracy"
    totals = evaluation.confusion.sum(axis=1).tolist()
    for name, total, accuracy in zip(names, totals, evaluation.accuracies, strict=True):
        share = "" if accuracy is None else f"{100 * accuracy:.2f} %"
        yield f"{name:<{width}}  {total:>9,}  {share:>9}"
    yield ""
    yield from (
        _matrix(evaluation, names, width) if len(names) <= MOST_COLUMNS else _confusions(evaluation, names)
    )


def _matrix(evaluation: Evaluation, names: list[str], width: int) -> Iterator[str]:
    cell = max(5, len(str(evaluation.confusion.max())), *(min(len(name), 12) for name in names))
    yield "confusion matrix: a row for each label, a column for each predicted class"
    yield " " * width + "".join(f"  {name[:12]:>{cell}}" for name in names)
    for name, row in zip(names, evaluation.confusion.tolist(), strict=True):
        yield f"{name:<{width}}" + "".join(f"  {number:>{cell}}" for number in row)


def _confusions(evaluation: Evaluation, names: list[str]) -> Iterator[str]:
    yield "most frequent confusions: images, label, predicted class"
    wrong = [
        (number, names[label], names[predicted])
        for label, row in enumerate(evaluation.confusion.tolist())
        for predicted, number in enumerate(row)
        if number and label != predicted
    ]
    for number, label, predicted in sorted(wrong, key=lambda one: -one[0])[:MOST_CONFUSIONS]:
        yield f"{number:>6,}  {label}  {predicted}"


def _plain(text: str) -> str:
    """Return a text with escapes for characters that would end a line."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
