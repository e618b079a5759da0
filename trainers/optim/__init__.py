"""Optimisers, averaged weights and learning-rate schedules."""
