"""The device of a training: step modes, calibration, memory, measurements."""
