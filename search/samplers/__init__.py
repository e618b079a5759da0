"""Samplers of architectures: the frontier engine's and Optuna's own, behind one ask-and-tell interface."""
