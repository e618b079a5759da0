"""The frontier sampler for other people's Optuna studies."""
