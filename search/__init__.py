"""How a study runs: configuration, samplers, scheduler, executors, driver, command line."""
