"""Executors: who runs the jobs, and the messages between driver and workers."""
