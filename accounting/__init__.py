"""Accounting: what accelerators did, what it cost, who bears it."""
