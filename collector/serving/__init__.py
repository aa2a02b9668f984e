"""Counters of serving engines: what a workload served of which model, and how long the engine computed for it."""

from __future__ import annotations

from collector.serving.counted import counted
from collector.serving.engines import METRICS
from collector.serving.memory import Memory

__all__ = ["METRICS", "Memory", "counted"]
