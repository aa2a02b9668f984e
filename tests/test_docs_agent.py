"""What docs/agent.md says in tables is what the agent has."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector import doctor, wire
from collector.agent import Agent
from collector.cli.run_ import RESTART
from collector.clock import Clock
from collector.config import Config
from collector.health import families
from collector.identity import workloads
from collector.metrics import devices
from collector.ship import Shipping
from collector.source import Instant, Reading, Tick
from collector.spool.coarse import TOP
from collector.spool.counts import Counts, Status
from tests.collector.scripted import Book, Node


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "docs" / "agent.md").read_text("utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of all tables between the header that begins with this cell and the next blank line."""
    found = []
    for table in re.findall(rf"(?m)^\| {re.escape(heading)} \|[^\n]*\n\|[-|]+\|\n((?:\|[^\n]*\n)+)", text):
        found += [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return found


def bare(cell: str) -> str:
    return cell.strip("|` ")


def keys(struct: msgspec.Struct, before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        name = f"{before}{field.encode_name}"
        found |= keys(value, f"{name}.") if isinstance(value, msgspec.Struct) else {name: value}
    return found


def test_every_key_is_in_the_table_with_its_default(text: str) -> None:
    told = {
        bare(key): None if default == "none" else tomllib.loads(f"x = {bare(default)}")["x"]
        for key, default, _ in rows(text, "key")
    }

    assert told == {k: list(v) if isinstance(v, tuple) else v for k, v in keys(Config()).items()}


def test_every_metric_is_in_the_table(text: str) -> None:
    reading = Reading(
        uuid="GPU-1", busy=0, sm=0, tensor=0, dram=0, memory_bytes=0, energy_mj=0, power_mw=0, temperature=0
    )
    tick = Tick(at=Instant(0, 0), devices=(wire.Device(uuid="GPU-1", name="L4"),), readings=[reading])
    spool = Status(used_bytes=0, sealed_bytes=0, sealed=0, oldest_ms=None, coarsest_level=0, counts=Counts())
    shipping = Shipping(
        pending=0, pending_bytes=0, oldest_ms=None, stored=0, repeated=0, failures=0, last_success_age_s=0.0,
        last_error="", running=True,
    )  # fmt: skip
    node, book = Node([]), Book()
    agent = Agent(node, node, book, Clock(), 1000, 10_000)
    names = [m.name for m in (*devices(tick, {"GPU-1": 0}), *families(agent, spool, shipping, 0)) if m.samples]

    assert sorted(bare(row[0]) for row in rows(text, "metric")) == sorted(names)


def test_bits_and_notes_are_those_of_the_wire(text: str) -> None:
    for heading, bits in (("health bit", wire.HEALTH), ("flag bit", wire.FLAGS)):
        told = {int(bare(bit)): says.rstrip("| ").split("`")[1] for bit, says in rows(text, heading)}
        assert told == {bit: says.partition(":")[0] for bit, says in bits.items()}
    assert [bare(row[0]) for row in rows(text, "note")] == list(wire.NOTES)


def test_columns_are_those_of_the_wire(text: str) -> None:
    told = {bare(row[0]): set(re.findall(r"`(\w+)`", row[2])) for row in rows(text, "table")}

    assert told == {name: set(columns) - {"device", "workload"} for name, columns in wire.COLUMNS.items()}


def test_every_kind_of_workload_is_in_the_table(text: str) -> None:
    known = re.findall(r"(?m)^\| ([a-z, ]+) \|", inspect.getdoc(workloads) or "")

    assert ["kind", *(bare(row[0]) for row in rows(text, "kind"))] == known


def test_the_ladder_has_its_steps(text: str) -> None:
    assert [int(bare(row[0])) for row in rows(text, "step")] == list(range(1, TOP + 1))


def test_every_exit_status_is_told(text: str) -> None:
    assert [int(bare(row[0])) for row in rows(text, "exit status")] == [0, 1, 2, RESTART, 130]


def test_every_line_of_the_doctor_has_a_remedy(text: str, root: Path) -> None:
    told = {bare(row[0]) for row in rows(text, "line")}
    calls = [n for n in ast.walk(ast.parse(inspect.getsource(doctor))) if isinstance(n, ast.Call)]
    findings = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "Finding"]
    abouts = {c.args[1].value for c in findings if isinstance(c.args[1], ast.Constant)}
    sources = [p.read_text("utf-8") for p in (root / "collector" / "identity").glob("*.py")]
    named = re.findall(r'(?:return |Enquiry\(|append\(\()"([a-z ]+)", ', "\n".join(sources))
    enquiries = re.findall(r'Enquiry(?:\[.*\]\])?\("(\w+)"', "\n".join(sources))

    assert {"podresources", "kubernetes", "slurm", "prolog", "processes"} <= {*named, *enquiries}
    assert {str(a) for a in abouts} | {*named, *enquiries} | {"GPU N"} == told
