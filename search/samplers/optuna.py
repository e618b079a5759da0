"""Optuna's own samplers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from search.samplers.quiet import quiet_optuna
from search.study.seeds import derive_seed

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from search.samplers.base import AskedSampler

OptunaName = Literal["tpe", "nsga2", "nsga3", "gp", "qmc", "random"]
"""Optuna's own samplers."""
SamplerName = Literal["frontier", "tpe", "nsga2", "nsga3", "gp", "qmc", "random"]
"""The values of ``search.sampler``."""

POPULATION = 20
"""Population of the evolutionary samplers. Optuna's 50 leaves a study of 48 trials in its first generation."""
INITIAL_TRIALS = 10
"""Trials of the initial design, evenly spread over log(parameters)."""
MAX_ASKS = 12
"""Attempts to get a new network from a sampler."""
MAX_ASKS_GP = 2
"""The same for the Gaussian process: it takes a second, and a second answer differs little from the first."""


def make_sampler(name: OptunaName, seed: int) -> BaseSampler:
    """Return the Optuna sampler ``name`` for one decision.

    Every decision makes a new sampler. Its knowledge is in the study, so a resumed study decides like an uninterrupted
    one.
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


def optuna_sampler(name: OptunaName, seed: int) -> AskedSampler:
    """Return one of Optuna's samplers for a search with this seed."""
    from search.samplers.base import AskedSampler

    def make(number: int, attempt: int) -> BaseSampler:
        if name == "qmc":  # the sequence belongs to one seed; its position is in the study
            return make_sampler("qmc", derive_seed(seed, 0, "sampler"))
        return make_sampler(name, derive_seed(seed, number, f"sampler {attempt}"))

    def make_for_adopted(number: int) -> BaseSampler:
        # some samplers fail without earlier trials; the evolutionary ones must number every trial's generation
        return make_sampler(
            name if name in ("nsga2", "nsga3") else "random", derive_seed(seed, number, "adopted")
        )

    is_random = name == "random"
    return AskedSampler(
        make=make,
        make_for_adopted=make_for_adopted,
        num_initial=0 if is_random else INITIAL_TRIALS,
        max_asks=MAX_ASKS_GP if name == "gp" else MAX_ASKS,
        learns_from_study=not is_random,
    )
