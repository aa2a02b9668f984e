"""Servers on loopback that speak as monitoring systems do, for simulated fleets."""
