"""Collectors that stand beside no node: they ask an API for spans of time, and tell what they find like an agent."""
