"""The tuned constants of the frontier engine, each with its unit and reason.

``docs/experiments`` has the measurements behind them. Constants of pure numerics (jitter, block sizes) stand beside
the code that needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class LocalSearch:
    """The effort of the search for the point with the highest acquisition value."""

    front_neighbours: int
    """Candidates close to the front."""
    neighbours: int
    """Neighbours evaluated for each start."""
    rounds: int
    """Rounds of the local search."""


@dataclass(frozen=True)
class FrontierConfig:
    """Constants of the initial design, the candidates, the surrogate models and the acquisition function."""

    # -- initial design ----------------------------------------------------------------------------------
    num_initial: int = 8
    """Trials of the initial design. The models need a few networks of every size."""
    num_whole: int = 4
    """First trials that are trained to the end. Their curves show what an early epoch says about the last."""
    min_observations: int = 3
    """Observations that the models need."""
    initial_nearest: int = 24
    """Candidates nearest to the wanted size, from which the next initial point is drawn."""
    initial_considered: int = 8
    """Random draws among the nearest; the draw farthest from all observations is taken."""

    # -- candidates --------------------------------------------------------------------------------------
    max_enumerated: int = 2_000
    """Points of a space up to which every point is a candidate."""
    pool_size: int = 512
    """Random candidates of a larger space at the first decision."""
    pool_growth: int = 16
    """Random candidates added for each trial."""
    max_pool_size: int = 1_024
    """Random candidates at most."""
    min_pool_size: int = 640
    """Random candidates at least, after many trials."""
    many_trials: int = 500
    """Trials from which on the pool shrinks: each candidate then takes longer to evaluate."""
    local_search: LocalSearch = LocalSearch(front_neighbours=96, neighbours=8, rounds=4)
    """Local search if all costs are known."""
    local_search_learned_costs: LocalSearch = LocalSearch(front_neighbours=24, neighbours=4, rounds=2)
    """Local search otherwise: more of it finds the errors of the cost models."""

    # -- acquisition -------------------------------------------------------------------------------------
    max_training_points: int = 180
    """Observations that the error model is conditioned on: half near the front, the others spread evenly."""
    max_pending: int = 200
    """Running trials that the model is conditioned on; the latest if there are more."""
    log_scale_ratio: float = 4.0
    """Positive costs whose maximum exceeds the minimum by this factor are modelled on a logarithmic scale."""
    reference_margin: float = 0.01
    """Distance of the reference point beyond the highest cost, as a fraction of the range of costs."""
    nadir_margin: float = 0.5
    """The same beyond the nadir point of the front, if a cost is learned. A front of few points does not show its ends:
    0.1 hides feasible regions beside it."""
    nadir_min_points: int = 6
    """Points of the front from which on its nadir point counts."""
    beyond_nadir_every: int = 3
    """Every so many trials, one is chosen without the nadir point: a lucky cheap point would hide all costlier ones."""
    min_acquisition: float = 1e-15
    """Hypervolume improvement below which feasibility and training time alone decide."""
    refine_starts: int = 3
    """Best candidates from which the local search starts."""
    nearly_best: float = 0.9
    """Fraction of the best acquisition value from which on points count as equally good."""
    max_nearly_best: int = 64
    """Equally good points whose distance from all observations is compared."""
    min_relative_hvi: float = 3e-3
    """Hypervolume improvement, as a fraction of the hypervolume, that justifies to resume a training at the end."""
    optimism_of_new: float = 2.5
    """Bias of the maximum over many new points against one paused training: the maximum is divided by it."""
    max_paused: int = 128
    """Paused trainings evaluated for one decision: those nearest to the front."""

    # -- Gaussian process --------------------------------------------------------------------------------
    gp_max_fitted: int = 64
    """Observations that the hyperparameters are fitted to. A step of the fit takes about a millisecond."""
    gp_fit_steps: int = 14
    """Iterations of L-BFGS-B."""
    gp_min_scale: float = 1e-4
    """Prior deviation, relative to the mean, of values that have all been equal so far."""
    outlier_iqr: float = 3.0
    """Interquartile ranges above the upper quartile at which bad values are clipped (diverged trainings)."""
    linear_scale: float = 2.0
    """Prior deviation of intercept and slope of the linear part, in deviations of the observations."""
    covariate_slope: float = 0.7
    """Prior mean of the slope over the covariate, both standardised."""
    covariate_slope_scale: float = 0.3
    """Prior deviation of that slope."""
    prior_x_variance: float = 0.5
    """Prior median of the variance that the hyperparameters of a network explain."""
    prior_x_variance_with_covariate: float = 0.05
    """The same where a covariate explains most of it."""

    # -- output warping ----------------------------------------------------------------------------------
    warping_min_observations: int = 8
    """Observations from which on the errors may be modelled over logarithms."""
    warping_min_gain: float = 2.0
    """Log likelihood that logarithms must gain: Akaike's penalty of two more parameters."""
    warping_distances: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)
    """Distances of the shift below the lowest error that are tried, in distances of the median from it."""

    # -- leave-one-out validation ------------------------------------------------------------------------
    min_explained_variance: float = 0.4
    """Fraction of the variance that a useful model explains on left-out observations."""
    loo_enough_observations: int = 12
    """Observations from which on a poor model is not due to too few observations."""
    flat_range: float = 0.2
    """Interquartile range, as a fraction of the range, up to which most observations count as equal."""

    # -- learning curves ---------------------------------------------------------------------------------
    curve_gain_scale: float = 3.0
    """Prior deviation of the fall of the error after a stop, in deviations of the errors at that epoch."""
    curve_slope_scale: float = 0.5
    """Prior deviation of its slopes over the error, the earlier fall and each cost."""
    curve_residual_scale: float = 0.6
    """Prior deviation of the residual, in deviations of the errors at that epoch."""
    curve_min_spread: float = 1e-3
    """Lowest deviation assumed: all networks may be at chance level at first."""
    curve_prior_count: float = 3.0
    """Trainings that the prior of the residual variance counts for."""

    # -- loss covariate ----------------------------------------------------------------------------------
    loss_min_observations: int = 6
    """Trainings with losses that the covariate needs."""
    loss_min_range: float = 1e-6
    """Range of losses below which they say nothing."""
    loss_max_observations: int = 96
    """Trainings that the model of the loss is conditioned on, spread evenly."""
    loss_max_fitted: int = 48
    """As ``gp_max_fitted``; this model needs less precision."""
    loss_fit_steps: int = 10
    """As ``gp_fit_steps``."""

    # -- costs, training time ----------------------------------------------------------------------------
    cost_min_observations: int = 4
    """Measurements that a cost model needs; with fewer, cost is proportional to the work."""
    cost_max_observations: int = 200
    """Measurements that a cost model is conditioned on, spread evenly."""
    epoch_overhead: float = 0.25
    """Constant part of an epoch's duration, as a fraction of the median network's work."""

    # -- feasibility -------------------------------------------------------------------------------------
    feasibility_max_observations: int = 250
    """Trials that feasibility is learned from, spread evenly."""
    feasibility_max_smoothed: int = 100
    """Trials that the Gaussian process over feasibility is conditioned on, spread evenly."""
    feasibility_lengths: tuple[float, ...] = (0.2, 0.5, 1.2)
    """Length scales tried, in typical distances of random points."""
    feasibility_noises: tuple[float, ...] = (0.01, 0.5)
    """Noise variances tried."""
    hopeless_probability: float = 0.1
    """Probability of success below which a point is avoided: points that always failed look best to the error model."""
    min_probability: float = 1e-9
    """Lower bound of a probability."""
    negligible_weight: float = 0.02
    """Weight of a model below which it is left out of the mixture."""
    logistic_inverse_penalty: float = 20.0
    """Inverse ridge penalty of the logistic regression."""
    newton_steps: int = 12
    """Newton iterations of the logistic regression."""
    newton_max_logit_step: float = 4.0
    """Largest change of any logit in one iteration."""
    max_scaled_violation: float = 2.0
    """Violation of a constraint, in typical values, at which it is clipped."""

    # -- transferred prior -------------------------------------------------------------------------------
    transfer_max_trials: int = 400
    """Trials of the earlier study that are learned from, spread evenly."""
    transfer_min_trials: int = 6
    """Trials of the earlier study that the prior needs."""


DEFAULTS: Final = FrontierConfig()
"""The constants in use."""
