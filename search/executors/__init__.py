"""Executors, which run jobs, and the messages between driver and workers."""
