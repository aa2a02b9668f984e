"""Clusters of the company that no file and no agent speaks of: only the APIs of monitoring systems do."""
