"""What a network is: specs, their notation and identity, exact counts, search spaces, torch modules."""
