"""The device: how a step is computed, calibration, memory, measurements."""
