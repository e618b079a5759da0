"""How one network is trained and measured: data, recipe, the loop, its weights on disk."""
