"""The comparison of studies: methods, hypervolume, attainment surfaces, tests and dominance."""
