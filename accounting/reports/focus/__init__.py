"""FOCUS: a month's charges in the FinOps Foundation's format, versions 1.2 and 1.4."""
