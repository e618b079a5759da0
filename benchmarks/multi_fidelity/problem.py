"""Problems with two objectives and a fidelity, and what a search has found and spent on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.flat_table import REFERENCE, TABLES, flat_table
from results.hypervolume import hypervolume

Objectives = tuple[float, float]
Point = tuple[float, ...]
"""Parameters in [0, 1], or ranks of parameters with a few values."""
EPOCHS = 27
"""Epochs of a whole evaluation of a function; the fidelity of epoch ``e`` is ``e / EPOCHS``."""
REDUCTION = 3
BEST = {"MOMFBraninCurrin": 0.5033, "MOMFPark": 0.0896}
"""The best hypervolumes: of a grid of 3,001 x 3,001 points, and of 150,000 evaluations by NSGA-II.

BoTorch's own figures are 0.5236, which no front reaches, and 0.0855, which searches exceed.
"""


@dataclass(frozen=True)
class MultiFidelityProblem:
    """Two objectives to be minimised over the unit cube, or over ranks.

    Attributes:
        name: The name.
        dimension: The number of parameters.
        at_epoch: Returns the objectives of a point after an epoch.
        reference: The reference point of the hypervolume.
        best: The best possible hypervolume.
        epochs: Epochs of a whole evaluation.
        sizes: The number of ranks of each parameter; empty for the unit cube.
        cost: Returns the second objective, known before an evaluation; None if it is learned.
        outcome: Returns the coordinates of a point in the hypervolume, without noise. None means those of ``at_epoch``.
    """

    name: str
    dimension: int
    at_epoch: Callable[[Point, int], Objectives]
    reference: Objectives
    best: float
    epochs: int = EPOCHS
    sizes: tuple[int, ...] = ()
    cost: Callable[[Point], float] | None = None
    outcome: Callable[[Point], Objectives] | None = None


@dataclass
class Progress:
    """The epochs spent in a search, and the hypervolume of its whole evaluations.

    Evaluations go on from an earlier epoch at no further cost. A point counts once it is evaluated at full fidelity.
    """

    problem: MultiFidelityProblem
    budget: int
    epochs: int = 0
    curve: list[float] = field(default_factory=list)
    _front: list[Objectives] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether the budget, in whole evaluations, is spent."""
        return self.epochs >= self.budget * self.problem.epochs

    def evaluate(self, point: Point, epoch: int, since: int) -> Objectives:
        """Return the objectives of a point after ``epoch`` epochs, of which ``since`` are paid for."""
        self.epochs += epoch - since
        found = self.problem.at_epoch(point, epoch)
        whole = self.problem.epochs
        if self.epochs > self.budget * whole:
            self.curve += [self._share()] * (self.budget - len(self.curve))
            return found
        units = self.epochs // whole
        self.curve += [self._share()] * ((self.epochs - 1) // whole - len(self.curve))
        if epoch == whole:
            self._front.append(found if self.problem.outcome is None else self.problem.outcome(point))
        self.curve += [self._share()] * (units - len(self.curve))
        return found

    def _share(self) -> float:
        """Return the hypervolume as a fraction of the best."""
        if not self._front:
            return 0.0
        return round(hypervolume(np.array(self._front), self.problem.reference) / self.problem.best, 6)


def momf(name: str) -> MultiFidelityProblem:
    """Return a multi-fidelity function of BoTorch, ``MOMFBraninCurrin`` or ``MOMFPark`` (Irshad et al. 2021).

    Raises:
        SystemExit: BoTorch is not installed.
    """
    try:
        from botorch.test_functions import multi_objective_multi_fidelity as functions
    except ImportError:
        raise SystemExit("the functions of MOMF need botorch: pip install botorch") from None
    function: Any = getattr(functions, name)()

    def evaluate(point: Point, epoch: int) -> Objectives:
        import torch

        place = torch.tensor([[*point, epoch / EPOCHS]], dtype=torch.double)
        first, second = function.evaluate_true(place)[0]
        return float(first), float(second)

    return MultiFidelityProblem(name, function.dim - 1, evaluate, (0.0, 0.0), BEST[name])


def recorded_table(name: str) -> MultiFidelityProblem:
    """Return the problem of a table of mgnas: validation error against parameters, one training of each network."""
    table = flat_table(name)

    def ranks(point: Point) -> tuple[int, ...]:
        return tuple(int(rank) for rank in point)

    def cost(point: Point) -> float:
        return table.params(ranks(point))

    def evaluate(point: Point, epoch: int) -> Objectives:
        return 1 - table.curve(ranks(point), 0).val_accuracy[epoch - 1], cost(point)

    return MultiFidelityProblem(
        f"table {name}",
        len(table.domains),
        evaluate,
        REFERENCE,
        table.best,
        epochs=table.epochs,
        sizes=tuple(domain.size for domain in table.domains.values()),
        cost=cost,
        outcome=lambda point: table.place(ranks(point)),
    )


PROBLEMS: dict[str, Callable[[], MultiFidelityProblem]] = {
    **{name: partial(momf, name) for name in ("MOMFBraninCurrin", "MOMFPark")},
    **{f"table {name}": partial(recorded_table, name) for name in TABLES},
}


def random_front(problem: MultiFidelityProblem, count: int, seed: int) -> NDArray[np.float64]:
    """Return the objectives of random points at full fidelity, n x 2."""
    rng = np.random.default_rng(seed)
    points = rng.random((count, problem.dimension))
    return np.array([problem.at_epoch(tuple(point), problem.epochs) for point in points])
