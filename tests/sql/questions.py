"""A small company whose answers to every question of sql/queries were worked out by hand.

Saturday 28 February to Monday 2 March 2026, UTC. H100s cost 4 an hour, spot ones 2, and 3 from noon of 1 March.
Some of their energy was read; from March on a kWh emits 375 g in `us`. On the first day a commitment pays for one of
the two H100s on demand at 3 an hour, and research has reserved two spot ones, of which one is there. The
bill of that day is what was computed.

- `train`: d1 and d2 on n1, d3 on n2 (spot, of team research). j1 and j2 work on d1, then do nothing; j1 holds d2 too,
  unobserved, and d3 is stranded meanwhile; j3 serves on d2, observed on the first day only; j4 of a guest does nothing
  on d3; j6 waits for d1. Two queues of one cohort and one of none have quotas for some hours.
- `batch`: four H100s by number for a day. j7 holds three, so one is stranded; j8 waits for all four and gives up.
- `west`: one A100 without a price, on which j5 serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import ANY

from accounting import pipeline
from accounting.config import load_config, write_project
from accounting.inbox import open_inbox
from accounting.ingest import ingest
from accounting.inputs.importing import import_file, silent
from accounting.inputs.mapping import load_mapping
from accounting.stores.lake import Lake
from collector.central.findings import Counted, Findings
from collector.wire import Workload
from tests.collected import HOUR, counted, put, quoted

NOW = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp()) * 1000
MARCH = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1000

CAPACITY = """cluster,pool,node,device_id,accelerator,quantity,provider,region,purchase,owner_team,start,end
east,train,n1,d1,H100-80GB,1,onprem,us,on_demand,,2026-02-28T00:00:00Z,2026-03-03T00:00:00Z
east,train,n1,d2,H100-80GB,1,onprem,us,on_demand,,2026-02-28T00:00:00Z,2026-03-03T00:00:00Z
east,train,n2,d3,H100-80GB,1,onprem,us,spot,research,2026-02-28T00:00:00Z,2026-03-03T00:00:00Z
east,batch,,,H100-80GB,4,onprem,us,on_demand,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z
west,serve,n9,d9,A100-80GB,1,aws,,,,2026-03-02T00:00:00Z,2026-03-03T00:00:00Z
"""
PRICES = """accelerator,purchase,price_per_hour,start
H100-80GB,on_demand,4,2026-01-01T00:00:00Z
H100-80GB,spot,2,2026-01-01T00:00:00Z
H100-80GB,spot,3,2026-03-01T12:00:00Z
"""
GRID = """
[[grid]]
from = 2026-01-01
co2e_g_per_kwh = 500

[[grid]]
from = 2026-03-01
region = "us"
co2e_g_per_kwh = 300
pue = 1.25
"""
COMMITMENTS = """
[[commitment]]
id = "c-1"
kind = "resource"
provider = "onprem"
from = 2026-02-28
to = 2026-03-01
quantity = 1
prices = { H100-80GB = 3 }

[[commitment]]
id = "r-1"
kind = "reservation"
provider = "onprem"
purchase = "spot"
from = 2026-02-28
to = 2026-03-01
quantity = 2
prices = { H100-80GB = 2 }
owner = "research"
"""
TEAMS = "selector,team\naccount=nlp,nlp\naccount=vision,vision\n"
JOBS = """workload_id,account,model,purpose,cluster,pool,node,device_id,accelerator,quantity,submitted,start,end
j1,nlp,llama,training,east,train,n1,d1,H100-80GB,1,2026-02-28T00:00:00Z,2026-02-28T02:00:00Z,2026-02-28T12:00:00Z
j1,nlp,llama,training,east,train,n1,d2,H100-80GB,1,2026-02-28T00:00:00Z,2026-02-28T02:00:00Z,2026-02-28T12:00:00Z
j2,nlp,llama,training,east,train,n1,d1,H100-80GB,1,2026-02-28T23:00:00Z,2026-03-01T00:00:00Z,2026-03-01T20:00:00Z
j3,vision,qwen,serving,east,train,n1,d2,H100-80GB,1,2026-03-01T00:00:00Z,2026-03-01T00:00:00Z,
j4,,,,east,train,n2,d3,H100-80GB,1,2026-03-01T06:00:00Z,2026-03-01T06:00:00Z,
j5,vision,qwen,serving,west,serve,n9,d9,A100-80GB,1,,2026-03-02T00:00:00Z,2026-03-02T10:00:00Z
j6,nlp,llama,training,east,train,n1,d1,H100-80GB,1,2026-03-02T00:00:00Z,2026-03-02T06:00:00Z,2026-03-02T12:00:00Z
j7,vision,vit,training,east,batch,,,H100-80GB,3,2026-03-01T00:00:00Z,2026-03-01T00:00:00Z,2026-03-01T12:00:00Z
j8,nlp,llama,training,east,batch,,,H100-80GB,4,2026-03-01T18:00:00Z,,2026-03-01T20:00:00Z
"""
SAMPLES = """cluster,device_id,start,end,busy,energy_j
east,d1,2026-02-28T02:00:00Z,2026-02-28T08:00:00Z,100,
east,d1,2026-02-28T02:00:00Z,2026-02-28T08:00:00Z,30,
east,d1,2026-02-28T08:00:00Z,2026-02-28T12:00:00Z,0,
east,d1,2026-03-01T00:00:00Z,2026-03-01T15:00:00Z,80,27000000
east,d1,2026-03-01T15:00:00Z,2026-03-01T20:00:00Z,0,1260000
east,d2,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,50,25920000
east,d3,2026-03-01T06:00:00Z,2026-03-02T00:00:00Z,0,5184000
east,d1,2026-03-02T06:00:00Z,2026-03-02T12:00:00Z,100,
east,d1,2026-03-02T06:00:00Z,2026-03-02T12:00:00Z,30,
"""
INVOICE = """provider,invoice_month,sku,description,project,usage_start,usage_end,quantity,cost,currency,accelerator,\
purchase
onprem,2026-02,OD,H100 by the hour,ml,2026-02-28T00:00:00Z,2026-03-01T00:00:00Z,30,100,USD,H100-80GB,on_demand
onprem,2026-02,OD,H100 by the hour,web,2026-02-28T00:00:00Z,2026-03-01T00:00:00Z,18,68,USD,H100-80GB,on_demand
onprem,2026-02,SP,H100 spot,ml,2026-02-28T00:00:00Z,2026-03-01T00:00:00Z,48,96,USD,H100-80GB,spot
"""
FILES = {
    "capacity": CAPACITY,
    "prices": PRICES,
    "teams": TEAMS,
    "jobs": JOBS,
    "samples": SAMPLES,
    "invoice": INVOICE,
}


def served(workload: str, model: str, hour: int, **counts: int) -> Counted:
    start = MARCH + hour * HOUR
    return counted(Workload(id=workload, kind="kubernetes"), model, start, start + HOUR, **counts)


EAST = Findings(
    counted=[
        served("j3", "qwen", 0, requests=100, input_tokens=5_000_000, output_tokens=2_000_000),
        served("j3", "qwen", 5, requests=50, input_tokens=3, output_tokens=1_000_000),
        served("j7", "qwen", 1, requests=30, input_tokens=1_000_000, output_tokens=1_000_000),
        served("unknown", "qwen", 1, requests=1, input_tokens=1, output_tokens=11),
        served("j2", "bert", 2, requests=5, input_tokens=7, output_tokens=2_000_000),
        served("j6", "embed", 30, requests=7),
        served("j3", "qwen", 24, requests=10, input_tokens=9, output_tokens=1_000_000),
        served("j3", "lora", 24, requests=10, input_tokens=9, output_tokens=500_000),
    ],
    quoted=[
        quoted("nlp", 4, 6, MARCH, MARCH + 2 * HOUR),
        quoted("nlp", 4, 1, MARCH + 2 * HOUR, MARCH + 8 * HOUR),
        quoted("vision", 2, 0, MARCH - HOUR, MARCH + HOUR),
        quoted("vision", 2, 5, MARCH + HOUR, MARCH + 2 * HOUR, flavor="spot"),
        quoted("guests", 1, 0, MARCH, MARCH + 20 * HOUR, cohort=""),
    ],
)
WEST = Findings(counted=[served("j5", "qwen", 24, requests=70, input_tokens=9, output_tokens=7_000_000)])


def company(folder: Path) -> Path:
    """The company's project, imported, ingested and run in `folder`."""
    config = write_project(folder)
    config.write_text(config.read_text() + GRID + COMMITMENTS)
    lake = Lake.create(load_config(config).lake)
    for number, (kind, text) in enumerate(FILES.items()):
        file, told = folder / f"{kind}.csv", folder / f"{kind}.map"
        file.write_text(text)
        told.write_text("[columns]\n" + "".join(f'{n} = "{n}"\n' for n in text.partition("\n")[0].split(",")))
        import_file(lake, kind, file, load_mapping(told), now=NOW + number)
    put(folder / "inbox", "prometheus", EAST, cluster="east", name="east")
    put(folder / "inbox", "prometheus", WEST, cluster="west", name="west")
    ingest(lake, open_inbox("inbox", folder), NOW + len(FILES))
    pipeline.run(load_config(folder), None, None, silent)
    return folder


@dataclass(frozen=True, slots=True)
class Case:
    """A question, its parameters as people give them, and its rows in their order."""

    name: str
    given: tuple[str, ...]
    columns: str
    rows: Sequence[tuple[Any, ...]]


FEBRUARY_28, MARCH_1, MARCH_2 = date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2)
MONTH = ("month=2026-03",)
SPAN = ("from=2026-03-01", "to=2026-03-02")
LONG = ("from=2026-02-28", "to=2026-03-02")


def hours(first: int, last: int, held: str, busy: str) -> list[tuple[Any, ...]]:
    """Hours of Sunday that are alike: seven accelerators were there."""
    return [(1, "Sun", hour, 7, Decimal(held), Decimal(busy)) for hour in range(first, last + 1)]


CASES = [
    Case(
        "team_bills",
        MONTH,
        "team charge_kind hours cost unpriced_hours",
        [
            ("nlp", "idle", 5, 20, 0),
            ("nlp", "usage", 21, 84, 0),
            ("platform", "unallocated", 96, 328, 14),
            ("research", "unallocated", 6, 12, 0),
            ("unowned", "idle", 18, 48, 0),
            ("unowned", "usage", 24, 72, 0),
            ("vision", "usage", 94, 336, 10),
        ],
    ),
    Case(
        "team_change",
        ("team=nlp", *MONTH),
        "model charge_kind cost cost_before change unpriced_hours unpriced_hours_before",
        [("llama", "idle", 20, 14, 6, 0, 0), ("llama", "usage", 84, 56, 28, 0, 0)],
    ),
    Case(
        "team_change",
        ("team=vision", *MONTH),
        "model charge_kind cost cost_before change unpriced_hours unpriced_hours_before",
        [("qwen", "usage", 192, None, 192, 10, 0), ("vit", "usage", 144, None, 144, 0, 0)],
    ),
    Case(
        "idle_owners",
        MONTH,
        "owner_team idle_hours cost unpriced_hours idle_of_observed",
        [("unowned", 18, 48, 0, 1), ("nlp", 5, 20, 0, Decimal("0.192"))],
    ),
    Case(
        "idle_workloads",
        (*LONG, "hours=4"),
        "cluster workload_id owner_team model first_day last_day idle_hours cost still_held",
        [
            ("east", "j4", "unowned", None, MARCH_1, MARCH_1, 18, 48, True),
            ("east", "j2", "nlp", "llama", MARCH_1, MARCH_1, 5, 20, False),
            ("east", "j1", "nlp", "llama", FEBRUARY_28, FEBRUARY_28, 4, 14, False),
        ],
    ),
    Case(
        "idle_workloads",
        LONG,
        "cluster workload_id owner_team model first_day last_day idle_hours cost still_held",
        [("east", "j4", "unowned", None, MARCH_1, MARCH_1, 18, 48, True)],
    ),
    Case(
        "idle_nodes",
        SPAN,
        "cluster pool node idle_hours stranded_hours hours share",
        [
            ("east", "train", "n2", 18, 0, 48, Decimal("0.375")),
            ("east", "batch", None, 0, 12, 96, Decimal("0.125")),
            ("east", "train", "n1", 5, 0, 96, Decimal("0.052")),
        ],
    ),
    Case(
        "pool_use",
        SPAN,
        "cluster pool accelerator hours held busy_of_observed held_unobserved",
        [
            ("east", "batch", "H100-80GB", 96, Decimal("0.375"), None, Decimal("0.375")),
            ("east", "train", "H100-80GB", 144, Decimal("0.806"), Decimal("0.441"), Decimal("0.333")),
            ("west", "serve", "A100-80GB", 24, Decimal("0.417"), None, Decimal("0.417")),
        ],
    ),
    Case(
        "queue_pressure",
        LONG,
        "cluster pool accelerator clock_hours queued_hours stranded_hours free_hours",
        [("east", "train", "H100-80GB", 9, 15, 10, 55), ("east", "batch", "H100-80GB", 2, 8, 12, 40)],
    ),
    Case(
        "borrowed",
        LONG,
        "month cluster cohort queue quota_hours used_hours borrowed_hours unused_hours",
        [
            ("2026-03", "east", "all", "nlp", 32, 18, 4, 18),
            ("2026-03", "east", "all", "vision", 4, 5, 3, 2),
            ("2026-02", "east", "all", "vision", 2, 0, 0, 2),
            ("2026-03", "east", None, "guests", 20, 0, 0, 20),
        ],
    ),
    Case(
        "waits",
        LONG,
        "team started mean_minutes longest_minutes never_started",
        [("nlp", 3, 180, 360, 1), ("unowned", 1, 0, 0, 0), ("vision", 2, 0, 0, 0)],
    ),
    Case(
        "model_costs",
        MONTH,
        "model purpose hours cost unpriced_hours used_cost list_cost busy_of_observed",
        [
            ("qwen", "serving", 58, 192, 10, 48, 192, Decimal("0.5")),
            ("vit", "training", 36, 144, 0, None, 144, None),
            (None, None, 42, 120, 0, 0, 168, 0),
            ("llama", "training", 26, 104, 0, 72, 104, Decimal("0.692")),
        ],
    ),
    Case(
        "token_costs",
        SPAN,
        "model requests input_tokens output_tokens cost cost_per_million left_out_days left_out_tokens",
        [
            ("qwen", 180, 6_000_003, 4_000_000, 240, 60, 3, 8_000_011),
            ("bert", 5, 7, 2_000_000, 80, 40, 0, 0),
            ("embed", None, None, None, None, None, 1, None),
            ("lora", None, None, None, None, None, 1, 500_000),
        ],
    ),
    Case(
        "token_costs",
        ("from=2026-03-01", "to=2026-03-01"),
        "model requests input_tokens output_tokens cost cost_per_million left_out_days left_out_tokens",
        [("qwen", 180, 6_000_003, 4_000_000, 240, 60, 1, 11), ("bert", 5, 7, 2_000_000, 80, 40, 0, 0)],
    ),
    Case(
        "no_team_no_price",
        MONTH,
        "lacks cluster pool accelerator workloads hours cost",
        [("price", "west", "serve", "A100-80GB", 1, 24, None), ("team", "east", "train", "H100-80GB", 1, 42, 120)],
    ),
    Case(
        "unobserved_holders",
        SPAN,
        "team cluster pool workloads unobserved_hours held_hours share",
        [
            ("vision", "east", "batch", 1, 36, 36, 1),
            ("unowned", "east", "train", 1, 24, 42, Decimal("0.571")),
            ("vision", "east", "train", 1, 24, 48, Decimal("0.5")),
            ("vision", "west", "serve", 1, 10, 10, 1),
        ],
    ),
    Case(
        "energy",
        MONTH,
        "team hours measured kwh kg_co2e mean_watts idle_kwh",
        [
            ("nlp", 26, Decimal("0.769"), Decimal("7.85"), Decimal("2.944"), Decimal("392.5"), Decimal("0.35")),
            ("vision", 94, Decimal("0.255"), Decimal("7.2"), Decimal("2.7"), 300, 0),
            ("unowned", 42, Decimal("0.429"), Decimal("1.44"), Decimal("0.54"), 80, Decimal("1.44")),
            (None, 102, 0, None, None, None, 0),
        ],
    ),
    Case(
        "purchase_mix",
        MONTH,
        "accelerator provider region purchase hours share cost unpriced_hours price_per_hour list_cost",
        [
            ("H100-80GB", "onprem", "us", "on_demand", 192, Decimal("0.727"), 768, 0, 4, 768),
            ("H100-80GB", "onprem", "us", "spot", 48, Decimal("0.182"), 132, 0, Decimal("2.75"), 192),
            ("A100-80GB", "aws", None, None, 24, Decimal("0.091"), None, 24, None, None),
        ],
    ),
    Case(
        "price_changes",
        LONG,
        "start cluster accelerator provider region purchase price_before price_per_hour",
        [
            (datetime(2026, 3, 1, tzinfo=UTC), "east", "H100-80GB", "onprem", "us", "on_demand", Decimal("3.5"), 4),
            (datetime(2026, 3, 1, 12, tzinfo=UTC), "east", "H100-80GB", "onprem", "us", "spot", 2, 3),
        ],
    ),
    Case(
        "billed_skus",
        ("from=2026-02-28", "to=2026-02-28"),
        "day provider accelerator purchase sku description project status billed_hours computed_hours billed_cost"
        " computed_cost difference",
        [
            (FEBRUARY_28, "onprem", *row)
            for row in (
                ("H100-80GB", "on_demand", None, None, None, "matched", 48, 48, 168, 168, 0),
                ("H100-80GB", "on_demand", "OD", "H100 by the hour", "ml", None, 30, None, 100, None, None),
                ("H100-80GB", "on_demand", "OD", "H100 by the hour", "web", None, 18, None, 68, None, None),
                ("H100-80GB", "spot", None, None, None, "quantity_differs", 48, 24, 96, 48, 48),
                ("H100-80GB", "spot", "SP", "H100 spot", "ml", None, 48, None, 96, None, None),
            )
        ],
    ),
    Case(
        "commitments",
        ("month=2026-02",),
        "commitment accelerator team saved unused worth",
        [
            ("reservation:r-1", "H100-80GB", "research", 0, 48, -48),
            ("shared", "H100-80GB", "nlp", 10, 0, 10),
            ("shared", "H100-80GB", "platform", 14, 0, 14),
        ],
    ),
    Case(
        "reconciliation",
        MONTH,
        "provider usage_cost idle_cost unallocated_cost overhead_cost adjusted_cost cost hours unpriced_hours"
        " cost_left seconds_left",
        [
            ("aws", None, None, None, None, None, None, 24, 24, 0, 0),
            ("onprem", 492, 68, 340, None, None, 900, 240, 0, 0, 0),
        ],
    ),
    Case(
        "day_changes",
        SPAN,
        "day team cost cost_before change hours hours_before",
        [
            (MARCH_1, "vision", 240, None, 240, 60, None),
            (MARCH_2, "platform", 72, 256, -184, 32, 64),
            (MARCH_1, "platform", 256, 98, 158, 64, 28),
            (MARCH_2, "vision", 96, 240, -144, 34, 60),
            (MARCH_1, "research", 12, 96, -84, 6, 24),
            (MARCH_2, "nlp", 24, 80, -56, 6, 20),
            (MARCH_1, "unowned", 48, None, 48, 18, None),
            (MARCH_2, "unowned", 72, 48, 24, 24, 18),
            (MARCH_2, "research", None, 12, -12, None, 6),
            (MARCH_1, "nlp", 80, 70, 10, 20, 20),
        ],
    ),
    Case(
        "faults",
        LONG,
        "fault cluster pool days n hours cost",
        [("conflicting_samples", "east", None, 2, 2, None, None)],
    ),
    Case(
        "hours_of_week",
        ("from=2026-03-01", "to=2026-03-01"),
        "day_of_week weekday hour_of_day hours held busy_of_observed",
        [
            *hours(0, 5, "0.714", "0.65"),
            *hours(6, 11, "0.857", "0.433"),
            *hours(12, 14, "0.429", "0.433"),
            *hours(15, 19, "0.429", "0.167"),
            *hours(20, 23, "0.286", "0.25"),
        ],
    ),
    Case(
        "freshness",
        ("today=2026-03-05",),
        "cluster last_day days_behind published_at",
        [("east", MARCH_2, 3, ANY), ("west", MARCH_2, 3, ANY)],
    ),
]
