"""Benchmarks. Each is one command, ``python -m benchmarks.NAME``. Committed results are in results/."""
