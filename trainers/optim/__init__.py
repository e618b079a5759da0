"""Optimisers, weight averages and learning-rate schedules."""
