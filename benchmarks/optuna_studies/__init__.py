"""Benchmarks of samplers in Optuna studies: problems and comparisons that the field knows."""
