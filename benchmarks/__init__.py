"""Benchmarks: each is one command, ``python -m benchmarks.NAME``; committed results are in results/."""
