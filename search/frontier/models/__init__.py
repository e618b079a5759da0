"""The surrogate models of the frontier engine: Gaussian processes, learning curves, feasibility, costs."""
