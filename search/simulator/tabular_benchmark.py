"""Tabular benchmarks: files of recorded trainings. The first line describes the space, each other a training."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search.simulator.problem import Curve
from space.config import SpaceConfig
from space.core.atomic_files import shell_word, user_path
from space.core.errors import InvalidInputError
from space.core.validation import explain
from space.networks.spec import Spec
from space.search_space import SearchSpace

CIFAR16 = Path(__file__).parent / "tables" / "cifar16.jsonl"
"""MgNets of three levels on CIFAR-10 at 16 x 16 pixels."""
DIGITS8 = CIFAR16.with_name("digits8.jsonl")
"""MgNets of two levels on noisy digits of 8 x 8 pixels."""
GREY16 = CIFAR16.with_name("grey16.jsonl")
"""MgNets and ResNets on five grey classes of CIFAR-10. Held out: no setting of the search was tuned on it."""
SHIPPED = {table.stem: table for table in (CIFAR16, DIGITS8, GREY16)}

Record = TypeVar("Record", bound=BaseModel)
Accuracy = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=1e12)]
Pixels = Annotated[int, Field(ge=1)]


class TableHeader(BaseModel):
    """The first line of a table: the space, the images and the recipe.

    ``space`` is the ``[space]`` section of a study. ``recipe`` and ``machine`` are only documentation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    space: SpaceConfig
    epochs: Annotated[int, Field(ge=1)]
    image_size: tuple[Pixels, Pixels]
    in_channels: Annotated[int, Field(ge=1)] = 3
    num_classes: Annotated[int, Field(ge=2)] = 10
    data: str = ""
    recipe: dict[str, Any] = {}
    machine: str = ""


class TableRow(BaseModel):
    """One recorded training; lists have one value for each epoch. Unknown keys are ignored.

    ``expected_accuracy`` is an estimate of the network's mean final accuracy, such as by a model of the whole
    table. It is the same in all rows of a network.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    arch: str
    seed: int
    params: Annotated[int, Field(ge=1)]
    macs: Annotated[int, Field(ge=1)] | None = None
    val_accuracy: tuple[Accuracy, ...]
    seconds: tuple[Seconds, ...]
    val_loss: tuple[float, ...] = ()
    train_loss: tuple[float, ...] = ()
    failure: str | None = None
    expected_accuracy: Accuracy | None = None


class TabularBenchmark:
    """A search space with a recorded training of every network, from one seed or several.

    A simulated training is one of the recorded trainings; the seed chooses it. The quality of a network is its
    ``expected_accuracy`` if the rows have one, otherwise the mean of its trainings.
    """

    def __init__(self, header: TableHeader, rows: Iterable[TableRow]) -> None:
        self.header = header
        self.rows = list(rows)
        self._by_arch: dict[str, list[TableRow]] = {}
        for row in sorted(self.rows, key=lambda row: row.seed):
            self._by_arch.setdefault(row.arch, []).append(row)

    @classmethod
    def read(cls, table: str | Path) -> Self:
        """Read a tabular benchmark.

        Args:
            table: A file of recorded trainings, or a table of mgnas: ``"cifar16"``, ``"digits8"``, ``"grey16"``.

        Raises:
            InvalidInputError: The file cannot be read, a line is malformed or contradicts another, or a network
                of the space is missing.

        Example:
            >>> benchmark = mgnas.TabularBenchmark.read("digits8")
            >>> len(benchmark.outcomes())
            549
        """
        path = user_path(table, "TABLE")
        if not path.exists():
            path = SHIPPED.get(str(table), path)
        if path.is_dir():
            raise InvalidInputError(
                f"TABLE must be a file of recorded trainings, but {path} is a folder; to check a study, run "
                f"mgnas verify {shell_word(path)}"
            )
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except FileNotFoundError:
            raise InvalidInputError(
                f"there is no table {path}; the tables of mgnas are {', '.join(SHIPPED)}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"cannot read the table {path}: {error}") from None
        if not "".join(lines).strip():
            raise InvalidInputError(f"the table {path} is empty; its first line must describe its space")
        header = _parse(lines[0], TableHeader, path, 1)
        benchmark = cls(
            header, [_parse(line, TableRow, path, n) for n, line in enumerate(lines[1:], 2) if line.strip()]
        )
        return benchmark._checked(path)

    def _checked(self, path: Path) -> Self:
        """Return the table without networks outside its space, such as those over a limit."""
        seen: set[tuple[str, int]] = set()
        for row in self.rows:
            training = f"{path}: the training of {row.arch} from seed {row.seed}"
            if (row.arch, row.seed) in seen:
                raise InvalidInputError(f"{training} is there twice")
            seen.add((row.arch, row.seed))
            self._check_lengths(row, training)
            first = self._by_arch[row.arch][0].expected_accuracy
            if row.expected_accuracy != first:
                raise InvalidInputError(
                    f"{training} has the expected_accuracy {row.expected_accuracy}, but another training of "
                    f"that network has {first}"
                )
        params = self._checked_params(path)
        return type(self)(self.header, [row for row in self.rows if row.arch in params])

    def _check_lengths(self, row: TableRow, training: str) -> None:
        if not len(row.val_accuracy) == len(row.seconds) <= self.epochs:
            raise InvalidInputError(
                f"{training} has {len(row.val_accuracy)} accuracies and {len(row.seconds)} times, but a "
                f"training has {self.epochs} epochs"
            )
        for kind, losses in (("training", row.train_loss), ("validation", row.val_loss)):
            if losses and len(losses) != len(row.val_accuracy):
                raise InvalidInputError(
                    f"{training} has {len(losses)} {kind} losses, but {len(row.val_accuracy)} accuracies"
                )
        if row.failure is None and len(row.seconds) < self.epochs:
            raise InvalidInputError(
                f"{training} ends after {len(row.seconds)} of {self.epochs} epochs, and no failure says why"
            )

    def _checked_params(self, path: Path) -> dict[str, int]:
        specs = [self.space.spec(point) for point in self.space.feasible_points()]
        params = {spec.arch: self.space.counts(spec).params for spec in specs}
        if not params:
            raise InvalidInputError(f"{path}: no network of its space is within the limits of the space")
        for row in self.rows:
            if row.params != params.get(row.arch, row.params):
                raise InvalidInputError(
                    f"{path}: {row.arch} has {params[row.arch]} parameters, but its training from seed "
                    f"{row.seed} says {row.params}"
                )
        if missing := sorted(params.keys() - self._by_arch.keys()):
            raise InvalidInputError(
                f"{path} lacks {len(missing)} of the {len(params)} networks of its space, such as "
                f"{missing[0]}"
            )
        return params

    def write(self, path: str | Path) -> None:
        """Write the table, one line for each training."""
        lines = [self.header.model_dump_json(exclude_defaults=True)]
        lines += [row.model_dump_json(exclude_defaults=True) for row in self.rows]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def name(self) -> str:
        """The table's name."""
        return self.header.table

    @property
    def epochs(self) -> int:
        """Epochs of a complete training."""
        return self.header.epochs

    @cached_property
    def space(self) -> SearchSpace:
        """The search space."""
        return SearchSpace(
            self.header.space,
            in_channels=self.header.in_channels,
            num_classes=self.header.num_classes,
            image_size=self.header.image_size,
        )

    def curve(self, spec: Spec, seed: int) -> Curve:
        """Return a recorded training of a network; the seed chooses among several."""
        rows = self._by_arch[spec.arch]
        row = rows[seed % len(rows)]
        return Curve(row.val_accuracy, row.seconds, row.failure, row.train_loss, row.val_loss)

    def outcomes(self) -> Mapping[str, tuple[int, float]]:
        """Return (parameters, expected final accuracy) of every network with a successful training."""
        found = {}
        for arch, rows in self._by_arch.items():
            trained = [row for row in rows if row.failure is None]
            if trained:
                expected = trained[0].expected_accuracy
                found[arch] = (rows[0].params, fmean(_ends(trained)) if expected is None else expected)
        return found


def _ends(rows: Iterable[TableRow]) -> list[float]:
    return [row.val_accuracy[-1] for row in rows]


def _parse(line: str, kind: type[Record], path: Path, number: int) -> Record:
    try:
        data = json.loads(line)
        return kind.model_validate(data)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            raise explain(error, kind, f"{path}, line {number}") from None
        raise InvalidInputError(f"{path}, line {number} is not JSON: {error}") from None
