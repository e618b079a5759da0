"""The queue of GPU runs, most wanted first: ``python -m benchmarks.gpu_day``.

``steps`` says what is run, ``queue`` runs it within a time limit, ``parcels`` carries the folder from run to run.
"""
