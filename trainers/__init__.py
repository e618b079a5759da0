"""How one network is trained and measured: data, recipe, the loop, checkpoints."""
