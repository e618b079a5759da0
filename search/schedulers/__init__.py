"""Schedulers, which decide what a free slot does next."""
