"""Problems with two objectives and a fidelity, and what a search has found and spent on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.hypervolume import hypervolume

Objectives = tuple[float, float]
Point = tuple[float, ...]
"""Parameters in [0, 1]."""
EPOCHS = 27
"""Epochs of a whole evaluation; the fidelity of epoch ``e`` is ``e / EPOCHS``."""
REDUCTION = 3
BEST = {"MOMFBraninCurrin": 0.5033, "MOMFPark": 0.0896}
"""The best hypervolumes: of a grid of 3,001 x 3,001 points, and of 150,000 evaluations by NSGA-II.

BoTorch's own figures are 0.5236, which no front reaches, and 0.0855, which searches exceed.
"""


@dataclass(frozen=True)
class MultiFidelityProblem:
    """Two objectives to be minimised over the unit cube.

    Attributes:
        name: The name.
        dimension: The number of parameters.
        function: Returns the objectives of a point at a fidelity in [0, 1].
        reference: The reference point of the hypervolume.
        best: The best possible hypervolume.
    """

    name: str
    dimension: int
    function: Callable[[Point, float], Objectives]
    reference: Objectives
    best: float

    def at_epoch(self, point: Point, epoch: int) -> Objectives:
        """Return the objectives after an epoch."""
        return self.function(point, epoch / EPOCHS)


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
        return self.epochs >= self.budget * EPOCHS

    def evaluate(self, point: Point, epoch: int, since: int) -> Objectives:
        """Return the objectives of a point after ``epoch`` epochs, of which ``since`` are paid for."""
        self.epochs += epoch - since
        found = self.problem.at_epoch(point, epoch)
        if self.epochs > self.budget * EPOCHS:
            self.curve += [self._share()] * (self.budget - len(self.curve))
            return found
        units = self.epochs // EPOCHS
        self.curve += [self._share()] * ((self.epochs - 1) // EPOCHS - len(self.curve))
        if epoch == EPOCHS:
            self._front.append(found)
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

    def evaluate(point: Point, fidelity: float) -> Objectives:
        import torch

        first, second = function.evaluate_true(torch.tensor([[*point, fidelity]], dtype=torch.double))[0]
        return float(first), float(second)

    return MultiFidelityProblem(name, function.dim - 1, evaluate, (0.0, 0.0), BEST[name])


PROBLEMS: dict[str, Callable[[], MultiFidelityProblem]] = {
    name: partial(momf, name) for name in ("MOMFBraninCurrin", "MOMFPark")
}


def random_front(problem: MultiFidelityProblem, count: int, seed: int) -> NDArray[np.float64]:
    """Return the objectives of random points at full fidelity, n x 2."""
    rng = np.random.default_rng(seed)
    points = rng.random((count, problem.dimension))
    return np.array([problem.at_epoch(tuple(point), EPOCHS) for point in points])
