"""Optuna's samplers by name, made to minimise all objectives with the seed of one decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from search.samplers.quiet import quiet_optuna

if TYPE_CHECKING:
    import optuna

OptunaName = Literal["tpe", "nsga2", "nsga3", "gp", "qmc", "random"]
"""Optuna's own samplers."""
SamplerName = Literal["frontier", "tpe", "nsga2", "nsga3", "gp", "qmc", "random"]
"""The names that ``search.sampler`` takes."""

POPULATION = 20
"""Of the evolutionary samplers. Optuna's 50 would leave a study of 48 trials in its first generation."""


def make_sampler(name: OptunaName, seed: int) -> optuna.samplers.BaseSampler:
    """Return the Optuna sampler ``name``; ``seed`` is that of the decision it is asked for.

    A sampler is made anew for every decision: what it knows is in the study, so a study that is resumed
    decides as one that was never stopped.
    """
    from optuna import samplers

    with quiet_optuna():
        if name == "tpe":
            return samplers.TPESampler(seed=seed, n_startup_trials=0)
        if name == "nsga2":
            return samplers.NSGAIISampler(seed=seed, population_size=POPULATION)
        if name == "nsga3":
            return samplers.NSGAIIISampler(seed=seed, population_size=POPULATION)
        if name == "gp":
            return samplers.GPSampler(seed=seed, n_startup_trials=0, warn_independent_sampling=False)
        if name == "qmc":
            return samplers.QMCSampler(seed=seed, warn_independent_sampling=False)
        assert name == "random", name
        return samplers.RandomSampler(seed=seed)
