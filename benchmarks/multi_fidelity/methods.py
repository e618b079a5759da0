"""Searches with a fidelity: Optuna's samplers with and without early stopping, Syne Tune's MO-ASHA, and NePS."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import optuna

from benchmarks.multi_fidelity.problem import REDUCTION, Point, Progress
from benchmarks.optuna_studies.samplers import KNOWN
from mgnas.optuna import EarlyStopping, FrontierSampler
from results.rungs import rung_epochs

Method = Callable[[Progress, int], None]
SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe multivariate": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
}


def whole(sampler: str, progress: Progress, seed: int) -> None:
    """Evaluate every trial at full fidelity."""
    study = _study(sampler, progress, seed)
    while not progress.is_over:
        trial = study.ask()
        study.tell(trial, progress.evaluate(_suggest(trial, progress), progress.problem.epochs, 0))


def early_stopping(sampler: str, progress: Progress, seed: int) -> None:
    """End trials with ``EarlyStopping``, which is given the costs if they are known."""
    study = _study(sampler, progress, seed)
    costs = _costs(progress) if sampler.endswith(KNOWN) else None
    stopping = EarlyStopping(progress.problem.epochs, costs=costs, reduction=REDUCTION)
    while not progress.is_over:
        trial = study.ask()
        point = _suggest(trial, progress)
        for before, epoch in itertools.pairwise([0, *stopping.rungs]):
            values = progress.evaluate(point, epoch, before)
            if stopping.report(trial, epoch, values[0]):
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, values)


def _study(sampler: str, progress: Progress, seed: int) -> optuna.Study:
    name = sampler.removesuffix(KNOWN)
    if name == "frontier":
        made: Any = FrontierSampler(_costs(progress) if sampler.endswith(KNOWN) else None, seed=seed)
    else:
        made = SAMPLERS[name](seed)
    return optuna.create_study(directions=["minimize"] * 2, sampler=made)


def _costs(progress: Progress) -> Callable[[Mapping[str, Any]], tuple[float]]:
    cost = progress.problem.cost
    assert cost is not None, "only a problem with a known cost is searched with it"
    return lambda params: (cost(tuple(params[name] for name in _names(progress))),)


def _suggest(trial: optuna.Trial, progress: Progress) -> Point:
    sizes = progress.problem.sizes
    if sizes:
        return tuple(
            trial.suggest_int(name, 0, size - 1) for name, size in zip(_names(progress), sizes, strict=True)
        )
    return tuple(trial.suggest_float(name, 0, 1) for name in _names(progress))


def _names(progress: Progress) -> list[str]:
    return [f"x{index}" for index in range(progress.problem.dimension)]


def mo_asha(progress: Progress, seed: int) -> None:
    """Run Syne Tune's MO-ASHA (Schmucker et al. 2021), its defaults, with one worker.

    Raises:
        SystemExit: Syne Tune is not installed.
    """
    try:
        from syne_tune.backend.trial_status import Trial
        from syne_tune.config_space import randint, uniform
        from syne_tune.optimizer.scheduler import SchedulerDecision
        from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA
    except ImportError:
        raise SystemExit("MO-ASHA needs Syne Tune: pip install syne-tune") from None
    import datetime

    import numpy as np

    np.random.seed(seed)  # it draws points and brackets from the global generator
    names, whole_epochs = _names(progress), progress.problem.epochs
    ranks = {name: randint(0, size - 1) for name, size in zip(names, progress.problem.sizes, strict=False)}
    scheduler = MOASHA(
        ranks or {name: uniform(0, 1) for name in names},
        metrics=["first", "second"],
        time_attr="epoch",
        max_t=whole_epochs,
        reduction_factor=REDUCTION,
        random_seed=seed,
    )
    for number in itertools.count():
        if progress.is_over:
            return
        config = scheduler.suggest().config
        trial = Trial(number, config, datetime.datetime.now(tz=datetime.UTC))
        scheduler.on_trial_add(trial)
        point = tuple(config[name] for name in names)
        for before, epoch in itertools.pairwise([0, *rung_epochs(whole_epochs, REDUCTION, 1)]):
            first, second = progress.evaluate(point, epoch, before)
            result = {"first": first, "second": second, "epoch": epoch}
            if scheduler.on_trial_result(trial, result) == SchedulerDecision.STOP:
                break
        scheduler.on_trial_remove(trial)


def neps(algorithm: str, progress: Progress, seed: int) -> None:
    """Run ``moasha`` or ``primo`` of NePS, without priors, by its ask-and-tell interface.

    Raises:
        SystemExit: NePS is not installed.
    """
    try:
        from neps import AskAndTell, Float, Integer, IntegerFidelity, PipelineSpace, algorithms
        from neps.space.neps_spaces.neps_space import convert_neps_to_classic_search_space
    except ImportError:
        raise SystemExit("moasha and primo need NePS: pip install neural-pipeline-search") from None
    import random

    import numpy as np
    import torch

    for start in (random.seed, np.random.seed, torch.manual_seed):
        start(seed)
    names = _names(progress)
    places: dict[str, Any] = {
        name: Integer(0, size - 1) for name, size in zip(names, progress.problem.sizes, strict=False)
    } or {name: Float(0.0, 1.0) for name in names}
    fidelity = IntegerFidelity(1, progress.problem.epochs)
    space = type("Space", (PipelineSpace,), {**places, "epoch": fidelity})()
    converted = convert_neps_to_classic_search_space(space)
    options: Mapping[str, Any] = {"prior_centers": {}} if algorithm == "primo" else {}
    search = AskAndTell(getattr(algorithms, algorithm)(converted, eta=REDUCTION, **options))
    paid: dict[Point, int] = {}
    while not progress.is_over:
        trial = search.ask()
        point, epoch = tuple(trial.config[name] for name in names), int(trial.config["epoch"])
        values = progress.evaluate(point, epoch, paid.get(point, 0))
        paid[point] = epoch
        search.tell(trial, {"objective_to_minimize": list(values)})


METHODS: dict[str, Method] = {
    "frontier": partial(whole, "frontier"),
    f"frontier{KNOWN}": partial(whole, f"frontier{KNOWN}"),
    "frontier, early stopping": partial(early_stopping, "frontier"),
    f"frontier, early stopping{KNOWN}": partial(early_stopping, f"frontier{KNOWN}"),
    "random": partial(whole, "random"),
    "random, early stopping": partial(early_stopping, "random"),
    f"random, early stopping{KNOWN}": partial(early_stopping, f"random{KNOWN}"),
    "tpe multivariate": partial(whole, "tpe multivariate"),
    "syne tune mo-asha": mo_asha,
    "neps moasha": partial(neps, "moasha"),
    "neps primo": partial(neps, "primo"),
}
