"""How a study runs: configuration, driver, trials, store, folder, progress."""
