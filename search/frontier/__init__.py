"""The frontier sampler: a search for the front of a learned error against known costs."""
