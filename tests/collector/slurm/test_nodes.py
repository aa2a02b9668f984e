"""Whether a node can be used, and whose pool it is of."""

from __future__ import annotations

import msgspec
import pytest

from collector.slurm.nodes import Listed, Node, condition, node, pools


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ("IDLE", "ready"),
        ("MIXED PLANNED", "ready"),
        ("ALLOCATED", "ready"),
        ("IDLE RESERVED", "ready"),
        ("IDLE DRAIN", "maintenance"),
        ("ALLOCATED DRAIN", "ready"),
        ("MIXED DRAIN", "ready"),
        ("IDLE COMPLETING DRAIN", "ready"),
        ("DRAINED", "maintenance"),
        ("DRAINING", "ready"),
        ("IDLE MAINTENANCE", "maintenance"),
        ("IDLE MAINT", "maintenance"),
        ("DOWN DRAIN", "maintenance"),
        ("DOWN", "unhealthy"),
        ("DOWN NOT_RESPONDING", "unhealthy"),
        ("ALLOCATED NOT_RESPONDING", "unhealthy"),
        ("ERROR", "unhealthy"),
        ("IDLE FAIL", "unhealthy"),
        ("ALLOCATED FAIL", "ready"),
        ("FUTURE", None),
        ("UNKNOWN", None),
        ("IDLE CLOUD POWERED_DOWN", None),
        ("IDLE CLOUD POWERING_UP", "ready"),
    ],
)
def test_conditions(states: str, found: str | None) -> None:
    assert condition(set(states.split())) == found


def test_a_node_of_an_older_release() -> None:
    said = {"name": "g1", "state": "idle", "state_flags": ["DRAIN"], "gres": "gpu:tesla:16", "partitions": ["dgx2q"]}
    assert node(msgspec.convert(said, Listed)) == Node(
        name="g1", partitions=("dgx2q",), accelerators={"tesla": 16}, condition="maintenance"
    )


def test_a_node_is_of_its_smallest_partition() -> None:
    def one(name: str, *partitions: str) -> Node:
        return Node(name=name, partitions=partitions, accelerators={"a100": 8}, condition="ready")

    nodes = [one("n1", "all", "gpu"), one("n2", "all", "gpu"), one("n3", "all", "b", "a"), one("n4")]
    assert pools(nodes) == {"n1": "gpu", "n2": "gpu", "n3": "a", "n4": ""}
    assert pools(reversed(nodes)) == pools(nodes)
