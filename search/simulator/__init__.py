"""Replays of searches: recorded or computed curves under a simulated clock, with any number of workers."""
