"""The company: its pools, how they were bought, its teams and what they run. Data, not code."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

PPM = 1_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Seen = Literal["device", "workload", "nothing", "agents"]
Profile = Literal["train", "experiment", "notebook", "serve", "short"]


@dataclass(frozen=True, slots=True)
class Pool:
    """`share` of the fleet's devices, in nodes of `node_size`; `slots` are what one device offers (class, ppm).

    `bought` is repeated over the nodes: (purchase, owner team). `seen`: what its samples are keyed by; `agents`: there
    is neither a job log nor an inventory, agents on the nodes tell all. `grain` is the scheduler's clock in ms.
    `logged`: whether anything tells who holds what. `spare` chips stand on a host that is too small for anything.
    `by_device`: whether devices are named, or only counted. `told_name`: what the driver calls them.
    """

    cluster: str
    name: str
    accelerator: str
    provider: str
    region: str
    share: float
    node_size: int
    bought: tuple[tuple[str, str | None], ...]
    slots: tuple[tuple[tuple[str, int], ...], ...] = ((("whole", PPM),),)
    seen: Seen = "device"
    by_device: bool = True
    grain: int = 1
    logged: bool = True
    spare: int = 0
    watts: tuple[int, int] = (70, 700)
    told_name: str = ""


_WHOLE = (("whole", PPM),)
_SLICED = (("slice", PPM),) * 3
_MIG = (("3g.20gb", 500_000), ("2g.10gb", 285_714), ("1g.5gb", 142_857))

POOLS = (
    Pool(
        *("train", "h100", "H100-80GB", "gcp", "us-central1", 0.34, 8),
        bought=(
            ("on_demand", None),
            ("reservation", "research"),
            ("committed", None),
            ("spot", None),
            ("committed", None),
        ),
    ),
    Pool(
        *("serve", "l4", "L4", "gcp", "europe-west4", 0.16, 4),
        bought=(("on_demand", None),),
        slots=(_WHOLE, _SLICED),
        watts=(16, 72),
    ),
    Pool(
        *("serve", "a100-mig", "A100-40GB", "gcp", "europe-west4", 0.06, 2),
        bought=(("committed", "speech"),),
        slots=(_MIG,),
        watts=(55, 400),
    ),
    Pool(
        *("hpc", "a100", "A100-80GB", "on_prem", "dc1", 0.17, 4),
        bought=(("owned", None),),
        seen="nothing",
        by_device=False,
        grain=1000,
    ),
    Pool(
        *("tpu", "v5e", "TPU-v5e", "gcp", "us-west4", 0.15, 4),
        bought=(("on_demand", None),),
        seen="workload",
        by_device=False,
        spare=2,
    ),
    Pool(
        *("lab", "workstations", "RTX-4090", "on_prem", "dc1", 0.04, 1),
        bought=(("owned", "robotics"),),
        logged=False,
        watts=(20, 450),
    ),
    Pool(
        *("fleet", "h200", "H200", "gcp", "us-south1", 0.08, 8),
        bought=(("on_demand", None), ("committed", None)),
        slots=(_WHOLE, _WHOLE, _WHOLE, _WHOLE, _WHOLE, _WHOLE, _WHOLE, _SLICED),
        seen="agents",
        told_name="NVIDIA H200",
    ),
)


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests of one kind: who asks, for how much, how often, for how long, and what they then do.

    `rate` is requests per day for every 100 devices of the pool; `hours` bounds the work (log-uniform). `office`: only
    in working hours. `replicas` (per 100 devices) instead of a rate: services that run all the time, or by day.
    `patience` hours after which the request is withdrawn. `crash_hours`: mean hours of one device between failures.
    `served`: the models behind one server, and which part (ppm) of its work each makes.
    """

    pool: str
    team: str
    facts: str
    users: tuple[str, ...]
    models: tuple[str, ...]
    purpose: str
    profile: Profile
    size: tuple[int, ...]
    hours: tuple[float, float] = (1, 2)
    rate: float = 0
    replicas: float = 0
    by_day: bool = False
    slot: str = "whole"
    office: bool = False
    patience: float = 0
    crash_hours: float = 0
    level: tuple[float, float] = (0.5, 0.95)
    served: tuple[tuple[str, int], ...] = ()


STREAMS = (
    Stream(*("h100", "language", "llm", ("ada", "grace"), ("llm-70b",), "training", "train"), (16,),
           hours=(30, 110), rate=1.0, crash_hours=700, level=(0.88, 0.97)),
    Stream(*("h100", "language", "llm", ("ada", "alan"), ("llm-7b", "llm-70b"), "training", "train"), (8,),
           hours=(3, 14), rate=3, crash_hours=900, level=(0.8, 0.95)),
    Stream(*("h100", "vision", "vision", ("hedy", "ivan"), ("detector", "segmenter"), "training", "train"), (4,),
           hours=(2, 9), rate=8, crash_hours=600, level=(0.45, 0.7)),
    Stream(*("h100", "speech", "speech", ("kay",), ("asr-large",), "training", "train"), (2,),
           hours=(1, 7), rate=9, level=(0.6, 0.85)),
    Stream(*("h100", "research", "research", ("barb", "tim", "lin"), ("probe", "moe-small"), "training", "experiment"),
           (1, 1, 2), hours=(0.1, 6), rate=60, office=True, patience=8, level=(0.3, 0.9)),
    Stream(*("h100", "research", "research", ("barb", "lin"), ("probe",), "training", "short"), (1,),
           hours=(0.001, 0.02), rate=60, office=True),
    Stream(*("h100", "vision", "vision", ("hedy", "olga"), ("detector",), "interactive", "notebook"), (1,),
           hours=(4, 10), rate=7, office=True, level=(0.2, 0.7)),
    Stream(*("h100", "", "sandbox", ("guest1", "guest2"), ("",), "interactive", "notebook"), (1,),
           hours=(2, 12), rate=3, office=True, level=(0.1, 0.6)),
    Stream(*("l4", "search", "search", ("deploy",), ("ranker-v3",), "serving", "serve"), (1,),
           replicas=12, level=(0.25, 0.8)),
    Stream(*("l4", "search", "search", ("deploy",), ("ranker-v3",), "serving", "serve"), (1,),
           replicas=9, by_day=True, level=(0.2, 0.7)),
    Stream(*("l4", "ads", "ads", ("deploy",), ("",), "serving", "serve"), (1,),
           replicas=14, level=(0.15, 0.6),
           served=(("ctr-v7", 550_000), ("creative-embed", 300_000), ("fraud-v2", 150_000))),
    Stream(*("l4", "search", "search", ("deploy",), ("embedder-v2",), "serving", "serve"), (1,),
           replicas=40, slot="slice", level=(0.02, 0.25)),
    Stream(*("l4", "speech", "speech", ("deploy",), ("asr-small",), "serving", "serve"), (1,),
           replicas=45, slot="slice", level=(0.01, 0.2)),
    Stream(*("l4", "ads", "ads", ("deploy",), ("fraud-v2",), "serving", "serve"), (1,),
           replicas=30, by_day=True, slot="slice", level=(0.02, 0.3)),
    Stream(*("a100-mig", "speech", "speech", ("deploy",), ("asr-large",), "serving", "serve"), (1,),
           replicas=90, slot="3g.20gb", level=(0.1, 0.4)),
    Stream(*("a100-mig", "research", "research", ("tim", "lin"), ("probe",), "interactive", "notebook"), (1,),
           hours=(3, 9), rate=38, slot="2g.10gb", office=True, level=(0.05, 0.25)),
    Stream(*("a100-mig", "vision", "vision", ("olga",), ("segmenter",), "interactive", "notebook"), (1,),
           hours=(2, 9), rate=40, slot="1g.5gb", office=True, level=(0.02, 0.12)),
    Stream(*("a100", "robotics", "robo", ("nils", "maria"), ("policy-net",), "training", "train"), (4, 8),
           hours=(6, 40), rate=9, crash_hours=1500),
    Stream(*("a100", "research", "bio", ("edith", "jack"), ("fold",), "training", "train"), (2, 4),
           hours=(2, 30), rate=18),
    Stream(*("a100", "", "guest", ("visitor",), ("",), "training", "experiment"), (1,),
           hours=(0.5, 10), rate=12, patience=12),
    Stream(*("v5e", "language", "", ("grace",), ("llm-7b",), "training", "train"), (4, 8),
           hours=(4, 30), rate=6, crash_hours=2000, level=(0.5, 0.7)),
    Stream(*("v5e", "vision", "", ("ivan",), ("diffuser",), "training", "train"), (4,),
           hours=(2, 16), rate=20, level=(0.4, 0.65)),
    Stream(*("h200", "language", "llm", ("deploy",), ("llm-70b",), "serving", "serve"), (1,),
           replicas=36, level=(0.3, 0.85)),
    Stream(*("h200", "search", "assist", ("deploy",), ("reranker",), "serving", "serve"), (1,),
           replicas=12, slot="slice", level=(0.1, 0.8)),
    Stream(*("h200", "speech", "speech", ("deploy",), ("asr-small",), "serving", "serve"), (1,),
           replicas=12, by_day=True, slot="slice", level=(0.1, 0.7)),
    Stream(*("h200", "", "sandbox", ("guest1",), ("",), "interactive", "notebook"), (1,),
           hours=(1, 6), rate=10, slot="slice", office=True, level=(0.1, 0.6)),
    Stream(*("h200", "vision", "vision", ("hedy",), ("diffuser",), "training", "train"), (2,),
           hours=(2, 14), rate=24, crash_hours=400, level=(0.6, 0.9)),
    Stream(*("h200", "research", "research", ("tim", "lin"), ("moe-small",), "training", "experiment"), (1,),
           hours=(0.1, 5), rate=40, office=True, level=(0.3, 0.9)),
    Stream(*("h200", "research", "research", ("tim",), ("probe",), "training", "short"), (1,),
           hours=(0.0008, 0.004), rate=120, office=True),
)  # fmt: skip

AGENTS = tuple(number for number, pool in enumerate(POOLS) if pool.seen == "agents")
"""Pools of which agents tell all that is known."""

RULES = (
    ("namespace=llm", "language", "CC-100"),
    ("namespace=vision*", "vision", "CC-110"),
    ("namespace=speech", "speech", "CC-120"),
    ("namespace=research", "research", "CC-200"),
    ("namespace=search", "search", "CC-300"),
    ("cluster=hpc account=robo", "robotics", "CC-400"),
    ("cluster=hpc account=bio", "research", "CC-200"),
)
"""Selector, team, cost center. Until the ads team is founded, its namespace is the search team's."""

ADS = ("namespace=ads", "search", "CC-300", "ads", "CC-310")
"""Selector, old team and cost center, new team and cost center."""

Price = tuple[str, str | None, str | None, str, str | None]
PRICES: tuple[Price, ...] = (
    ("H100-80GB", "gcp", "on_demand", "11.0592", "10.9800"),
    ("H100-80GB", "gcp", "committed", "6.9768", None),
    ("H100-80GB", "gcp", "reservation", "8.8488", None),
    ("H100-80GB", "gcp", "spot", "3.6792", "4.1004"),
    ("L4", "gcp", None, "0.7056", None),
    ("A100-40GB", "gcp", "on_demand", "3.6720", None),
    ("A100-40GB", "gcp", "committed", "2.3148", None),
    ("A100-80GB", "on_prem", None, "1.4976", None),
    ("V100-16GB", None, None, "0.4968", None),
    ("TPU-v5e", "gcp", "on_demand", "1.1988", None),
    ("RTX-4090", "on_prem", None, "0.1800", None),
    ("H200", "gcp", "on_demand", "10.6020", None),
    ("H200", "gcp", "committed", "7.4196", None),
)
"""Accelerator, provider, purchase, price per hour, price after the price list's change. Multiples of 0.0036, so that
a millisecond costs a whole number of nano-units and truth needs no rounding."""


def per_ms(price: str) -> int:
    """Nano-units per accelerator-millisecond; prices are whole multiples."""
    return int(Decimal(price) * 1_000_000_000) // HOUR


BARE = "L4"
"""Its prices leave out the machine that it sits in."""

MISPRINTED = {"RTX-4090": "0.2160"}
"""What the price list said at first, by accelerator."""
