"""Loopback servers of the APIs that collectors ask, which tell of a simulated fleet."""
