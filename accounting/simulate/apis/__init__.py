"""Servers that speak the documented APIs of monitoring systems, and tell of a simulated fleet."""
