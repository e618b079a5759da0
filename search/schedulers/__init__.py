"""Schedulers: what a free slot does next."""
