"""What docs/collectors.md says in tables is what collectors have."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.central.metrics import families
from collector.central.polling import Polling
from collector.central.reader import Reader
from collector.cloud.config import CloudMonitoring
from collector.prometheus.config import Prometheus
from collector.slurm.config import Slurm
from collector.spool.spool import Spool
from tests.collector.central.scripted import Scripted
from tests.collector.telling import HEADER
from tests.test_docs_agent import bare, keys, rows


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "docs" / "collectors.md").read_text("utf-8")


def told(text: str, heading: str) -> dict[str, Any]:
    """Keys of a table with their defaults."""
    words = {"none": None, "required": "required"}
    return {
        bare(key): words[default] if default in words else tomllib.loads(f"x = {bare(default)}")["x"]
        for key, default, _ in rows(text, heading)
    }


def plain(struct: msgspec.Struct) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in keys(struct).items()}


COMMON = plain(Polling())


def test_keys_of_every_block_are_in_the_table_with_their_defaults(text: str) -> None:
    assert told(text, "key of every block") == COMMON


@pytest.mark.parametrize(
    ("name", "block", "required"),
    [
        ("prometheus", Prometheus(url="http://x"), {"url"}),
        ("cloud_monitoring", CloudMonitoring(project="x"), {"project"}),
        ("slurm", Slurm(), set[str]()),
    ],
)
def test_keys_of_a_block_are_in_its_table_with_their_defaults(
    text: str, name: str, block: Polling, required: set[str]
) -> None:
    own = {k: v for k, v in plain(block).items() if k not in COMMON or (name, k) == ("slurm", "pool")}

    assert told(text, f"key of `[[{name}]]`") == own | dict.fromkeys(required, "required")


@pytest.mark.parametrize("key", ["every", "delay"])
def test_other_defaults_are_told_beside(text: str, key: str) -> None:
    (says,) = (row[2] for row in rows(text, "key of every block") if bare(row[0]) == key)
    for name, block in (("Cloud Monitoring", CloudMonitoring(project="x")), ("Slurm", Slurm())):
        own = getattr(block, key)
        assert (f"`{float(own)}` for {name}" in says) == (own != getattr(Polling(), key))


def test_every_metric_is_in_the_table(text: str, tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER)
    reader = Reader(Scripted(), Polling(), spool, tmp_path, 1, lambda: 0)

    assert [bare(row[0]) for row in rows(text, "metric")] == [m.name for m in families([(reader, None)], 0)]
    spool.close()
