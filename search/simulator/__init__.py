"""Simulated searches: recorded or computed learning curves, a simulated clock, any number of workers."""
