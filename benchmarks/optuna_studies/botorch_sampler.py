"""BoTorch's qLogNEHVI as a sampler of Optuna studies, with the settings of BoTorch's own tutorials."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna._transform import _SearchSpaceTransform
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState

from results.pareto import is_nondominated
from search.study.seeds import derive_seed

Costs = Callable[[Mapping[str, Any]], tuple[float, ...]]
Params = dict[str, Any]
Array = NDArray[np.float64]

NUM_CANDIDATES = 512
"""Random points of a finite space that a decision compares, beside the neighbours of the front."""
NUM_RESTARTS, RAW_SAMPLES, MC_SAMPLES = 10, 512, 128
OPTIONS = {"batch_limit": 5, "maxiter": 200}
MAX_FIT = 75
"""Iterations of a fit. BoTorch has no limit; with one-hot categories it then takes 500 iterations."""


class LogNehviSampler(BaseSampler):
    """Proposes the point with the largest qLogNEHVI, q = 1, of independent Gaussian processes.

    Settings of BoTorch's multi-objective tutorial: ``2 (d + 1)`` Sobol points for d parameters, one ``SingleTaskGP``
    with standardised values for each learned objective, 128 Monte Carlo samples, 10 restarts from 512 raw samples. The
    reference point is inferred from the observed front. Categories are one-hot; integers are relaxed and rounded.

    In a finite space, a decision compares new points instead: random ones, and those that differ from a point of the
    front in one parameter. Known costs need a finite space: they are then exact, and only the first objective is
    learned.

    Raises:
        SystemExit: BoTorch is not installed.

    Source: Daulton, Balandat, Bakshy 2021, "Parallel Bayesian Optimization of Multiple Noisy Objectives with Expected
    Hypervolume Improvement"; Ament et al. 2023, "Unexpected Improvements to Expected Improvement".
    """

    def __init__(self, seed: int, costs: Costs | None = None) -> None:
        if find_spec("botorch") is None:
            raise SystemExit("qlognehvi needs botorch: pip install botorch")
        self._seed, self._costs = seed, costs
        self._space = IntersectionSearchSpace()
        self._independent = RandomSampler(seed=seed)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._space.calculate(study)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        transform = _SearchSpaceTransform(search_space, transform_0_1=True)
        num_initial = 2 * (len(search_space) + 1)
        if trial.number < num_initial:
            return transform.untransform(self._sobol(num_initial, len(transform.bounds))[trial.number])
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        seen = [one.params for one in trials]
        values = -np.array([one.values for one in trials])
        choices = {name: _choices(distribution) for name, distribution in search_space.items()}
        if all(choices.values()):
            rng = random.Random(derive_seed(self._seed, trial.number, "candidates"))
            front = [seen[row] for row in np.flatnonzero(is_nondominated(-values))]
            return self._best_of(transform, seen, values, new_points(choices, seen, front, rng))
        if self._costs is not None:
            raise ValueError("qLogNEHVI takes known costs only in a finite space")
        return self._best_relaxed(transform, seen, values)

    def _sobol(self, count: int, dimension: int) -> Array:
        from torch.quasirandom import SobolEngine

        drawn: Array = SobolEngine(dimension, scramble=True, seed=self._seed).draw(count).double().numpy()
        return drawn

    def _best_of(
        self, transform: _SearchSpaceTransform, seen: list[Params], values: Array, new: list[Params]
    ) -> Params:
        """Return the point of ``new`` with the largest acquisition value, given objectives to be maximised."""
        import torch
        from botorch.optim import optimize_acqf_discrete

        acquisition = self._acquisition(self._encoded(transform, seen), values)
        rows = torch.tensor(self._encoded(transform, new))
        found, _ = optimize_acqf_discrete(acquisition, q=1, choices=rows, max_batch_size=1024)
        return new[int((rows == found[0]).all(dim=1).nonzero()[0])]

    def _best_relaxed(self, transform: _SearchSpaceTransform, seen: list[Params], values: Array) -> Params:
        """Return the point with the largest acquisition value in the unit cube."""
        import torch
        from botorch.optim import optimize_acqf

        torch.manual_seed(derive_seed(self._seed, len(seen), "restarts"))
        rows = self._encoded(transform, seen)
        unit = torch.tensor([[0.0], [1.0]], dtype=torch.double).expand(2, rows.shape[1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a restart that fails is made again
            found, _ = optimize_acqf(
                self._acquisition(rows, values),
                unit,
                1,
                NUM_RESTARTS,
                raw_samples=RAW_SAMPLES,
                options=OPTIONS,
            )
        return transform.untransform(found.detach().numpy()[0])

    def _encoded(self, transform: _SearchSpaceTransform, points: list[Params]) -> Array:
        """Return encoded parameters, with the known costs as the last columns, n x d."""
        rows = np.array([transform.transform(one) for one in points])
        if self._costs is None:
            return rows
        return np.hstack([rows, np.array([self._costs(one) for one in points])])

    def _acquisition(self, rows: Array, values: Array) -> Any:
        """Return qLogNEHVI given encoded points and their objectives to be maximised, n x m."""
        import torch
        from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
        from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective
        from botorch.sampling.normal import SobolQMCNormalSampler
        from botorch.utils.multi_objective.hypervolume import infer_reference_point
        from botorch.utils.multi_objective.pareto import is_non_dominated

        x, y = torch.tensor(rows), torch.tensor(values)
        num_known = 0 if self._costs is None else y.shape[1] - 1

        def objectives(learned: Any, X: Any) -> Any:  # noqa: N803 - BoTorch passes it by this name
            costs = X[..., X.shape[-1] - num_known :].expand(*learned.shape[:-1], num_known)
            return torch.cat([learned, -costs], dim=-1)

        return qLogNoisyExpectedHypervolumeImprovement(
            model=_fitted(x, y[:, : y.shape[1] - num_known], num_known),
            ref_point=infer_reference_point(y[is_non_dominated(y)]).tolist(),
            X_baseline=x,
            prune_baseline=True,
            sampler=SobolQMCNormalSampler(torch.Size([MC_SAMPLES]), seed=self._seed),
            objective=GenericMCMultiOutputObjective(objectives) if num_known else None,
        )


def _fitted(x: Any, y: Any, num_known: int) -> Any:
    """Return a fitted process for each column of ``y`` over ``x`` without its last ``num_known`` columns."""
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms.input import FilterFeatures
    from botorch.models.transforms.outcome import Standardize
    from gpytorch.mlls import SumMarginalLogLikelihood
    from torch import arange

    features = FilterFeatures(arange(x.shape[1] - num_known)) if num_known else None
    model = ModelListGP(
        *(
            SingleTaskGP(x, y[:, [column]], outcome_transform=Standardize(1), input_transform=features)
            for column in range(y.shape[1])
        )
    )
    fit_gpytorch_mll(
        SumMarginalLogLikelihood(model.likelihood, model), optimizer_kwargs={"options": {"maxiter": MAX_FIT}}
    )
    return model


def _choices(distribution: BaseDistribution) -> Sequence[Any]:
    """Return the values of a category or an integer; nothing for a continuous parameter."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if isinstance(distribution, IntDistribution):
        return range(distribution.low, distribution.high + 1, distribution.step)
    return ()


def new_points(
    choices: Mapping[str, Sequence[Any]],
    seen: Sequence[Params],
    front: Sequence[Params],
    rng: random.Random,
) -> list[Params]:
    """Return points that were not seen: neighbours of the front, and random ones."""
    near = [{**one, name: value} for one in front for name, values in choices.items() for value in values]
    drawn = [{name: rng.choice(values) for name, values in choices.items()} for _ in range(NUM_CANDIDATES)]
    keys = {tuple(one[name] for name in choices) for one in seen}
    found = {tuple(one[name] for name in choices): one for one in [*near, *drawn]}
    return [one for key, one in found.items() if key not in keys]
