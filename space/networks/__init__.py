"""What a network is: specs of the families, exact counts, references, plugins."""
