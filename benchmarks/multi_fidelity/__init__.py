"""Benchmarks of early stopping and multi-fidelity search with several objectives."""
