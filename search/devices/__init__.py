"""The latency of a network on the user's own device, measured by a command while trainings go on."""
