"""Every table once: columns, types, units, grain.

Polars frames, Parquet files, DuckDB views, BigQuery tables and the data dictionary are all made from these.
Times of published tables are UTC timestamps; times of input tables are integer milliseconds since the epoch.
"""

from __future__ import annotations

from accounting.agent_tables import AGENT
from accounting.bill_tables import RECONCILIATION, invoice
from accounting.ledger_tables import CLOSES, DISPUTES, STATEMENTS, of_months
from accounting.schema import Spec, Table
from accounting.schema import columns as _columns

_IMPORTED: tuple[Spec, ...] = (
    ("import_seq!", "int64", "Number of the import that brought the row; a later one wins."),
    ("row!", "int64", "Data row in the file, counted from 1."),
)

INPUT_JOBS = Table(
    "input_jobs",
    "Attempts of jobs and pods as imported: who asked for and held how many accelerators, from when to when.",
    ("import_seq", "row"),
    _columns(
        *_IMPORTED,
        ("workload_id", "string", "Job or pod; NULL: each row is its own workload."),
        ("team", "string", "The job's own statement of its team: a claim."),
        ("model", "string", "Model that is trained or served."),
        ("purpose", "string", "training, serving, interactive, …"),
        ("user", "string", "User who submitted."),
        ("account", "string", "Slurm account or the like."),
        ("namespace", "string", "Kubernetes namespace."),
        ("cluster!", "string", "Cluster; `default` where the file has none."),
        ("pool!", "string", "Pool, partition or queue inside the cluster; '' where the file has none."),
        ("node", "string", "Node."),
        ("device_id", "string", "Device held, if the file names it."),
        ("accelerator!", "string", "Accelerator as the file names it."),
        ("quantity_ppm!", "int64", "Accelerators held, in millionths."),
        ("start_ms", "int64", "Start of holding; NULL: never started."),
        ("end_ms", "int64", "End of holding; NULL: still running."),
        ("submitted_ms", "int64", "When it was asked for."),
        ("outcome", "string", "How it ended, in the scheduler's words."),
        ("priority", "int64", "Scheduling priority."),
    ),
)
INPUT_CAPACITY = Table(
    "input_capacity",
    "Accelerators that were online, as imported.",
    ("import_seq", "row"),
    _columns(
        *_IMPORTED,
        ("cluster!", "string", "Cluster."),
        ("pool!", "string", "Pool inside the cluster."),
        ("node", "string", "Node."),
        ("device_id", "string", "Device, unique in the store."),
        ("accelerator!", "string", "Accelerator as the file names it."),
        ("quantity_ppm!", "int64", "Accelerators, in millionths."),
        ("purchase", "string", "on_demand, spot, committed, reservation, owned, …"),
        ("region", "string", "Provider's region."),
        ("provider", "string", "gcp, aws, azure, on_prem, …"),
        ("start_ms", "int64", "Online from; NULL: from the cluster's first event."),
        ("end_ms", "int64", "Online to; NULL: to the watermark."),
        ("owner_team", "string", "Team that owns the capacity and bears what nobody uses."),
    ),
)
INPUT_PRICES = Table(
    "input_prices",
    "Unit prices with effective dates, as imported.",
    ("import_seq", "row"),
    _columns(
        *_IMPORTED,
        ("accelerator!", "string", "Accelerator as the file names it."),
        ("provider", "string", "NULL matches any."),
        ("region", "string", "NULL matches any."),
        ("purchase", "string", "NULL matches any."),
        ("start_ms", "int64", "Effective from; NULL: always was."),
        ("end_ms", "int64", "Effective to; NULL: until the next price of the same SKU."),
        ("price_per_hour!", "money", "Price of one accelerator for one hour."),
        ("currency!", "string", "ISO 4217 code."),
        ("covers!", "string", "machine (all-in) or accelerator."),
        ("kind", "string", "list or negotiated; NULL: list."),
    ),
)
INPUT_TEAMS = Table(
    "input_teams",
    "Ownership rules, as imported.",
    ("import_seq", "row"),
    _columns(
        *_IMPORTED,
        ("selector!", "string", "Facts with globs, such as `account=ml-* cluster=a100`."),
        ("team!", "string", "Team that owns what the selector matches."),
        ("cost_center", "string", "Cost center of the team."),
        ("start_ms", "int64", "In force from; NULL: always was."),
        ("end_ms", "int64", "In force to; NULL: for ever."),
        ("priority!", "int64", "The higher number wins."),
    ),
)
INPUT_SAMPLES = Table(
    "input_samples",
    "What a device, or a workload's accelerators on average, did in one interval; as imported.",
    ("import_seq", "row"),
    _columns(
        *_IMPORTED,
        ("cluster!", "string", "Cluster."),
        ("device_id", "string", "Device observed."),
        ("workload_id", "string", "Workload observed, where no device is named."),
        ("start_ms!", "int64", "Start of the observed interval."),
        ("end_ms", "int64", "End of the interval; NULL: to the next sample, at most `hold`."),
        ("busy_ppm", "int64", "Mean utilization, millionths of one."),
        ("sm_active_ppm", "int64", "SM activity, millionths of one."),
        ("tensor_active_ppm", "int64", "Tensor core activity, millionths of one."),
        ("memory_bytes", "int64", "Accelerator memory in use."),
        ("power_mw", "int64", "Mean power in milliwatts."),
        ("energy_mj", "int64", "Energy in the interval in millijoules."),
    ),
    partition_by="start_ms",
    raw=True,
)
INPUT_INVOICE = invoice(_IMPORTED)
QUARANTINE = Table(
    "quarantine",
    "Rows of imported files that were not taken, each with its reason.",
    ("import_seq", "row"),
    _columns(
        *_IMPORTED,
        ("kind!", "string", "What was imported: jobs, capacity, …"),
        ("file!", "string", "File the row came from."),
        ("column", "string", "Column at fault, if it is one."),
        ("reason!", "string", "Why the row was not taken."),
        ("content!", "string", "The row as it was read."),
    ),
)

_RUN: Spec = ("publication!", "string", "Publication that the row belongs to.")

USAGE = Table(
    "usage",
    "Device time of one hour, place, workload and state; the states of a device-hour or pool-hour make its capacity.",
    (
        "hour",
        "month",
        "cluster",
        "pool",
        "node",
        "device_id",
        "accelerator",
        "provider",
        "region",
        "purchase",
        "capacity_owner",
        "workload_id",
        "team",
        "cost_center",
        "owner_status",
        "model",
        "purpose",
        "state",
        "sharing",
        "price_id",
        "publication",
    ),
    _columns(
        ("hour!", "timestamp", "Hour (UTC) that the time lies in."),
        ("day!", "date", "Day (UTC) of the hour."),
        ("month!", "string", "Billing month, YYYY-MM, in the zone of the provider's billing account."),
        ("cluster!", "string", "Cluster."),
        ("pool!", "string", "Pool inside the cluster."),
        ("node", "string", "Node, where known."),
        ("device_id", "string", "Device; NULL where a pool is accounted as a whole."),
        ("accelerator!", "string", "Canonical accelerator name."),
        ("provider", "string", "Provider of the capacity."),
        ("region", "string", "Region of the capacity."),
        ("purchase", "string", "How the capacity was bought."),
        ("capacity_owner", "string", "Team that owns the capacity."),
        ("workload_id", "string", "Holder; NULL where nobody held it."),
        ("team", "string", "Team of the holder; NULL: unowned, or nobody held it."),
        ("cost_center", "string", "Cost center of the team."),
        ("owner_status", "string", "fact (a rule), claim (the job's word), unowned; NULL where nobody held it."),
        ("model", "string", "Model."),
        ("purpose", "string", "training, serving, interactive, …"),
        ("state!", "string", "What the time was: one of the states of the data dictionary."),
        ("sharing", "string", "exclusive, fractional or time_sliced; NULL where nobody held it."),
        (
            "split_method",
            "string",
            "Whose activity it is: whole (the device's, or all that parts left), measured, by_share; NULL: unobserved.",
        ),
        ("error_bound", "seconds", "By how many seconds the division can have moved busy_seconds at most."),
        ("device_seconds!", "seconds", "Accelerator time."),
        (
            "busy_seconds",
            "seconds",
            "Integral of utilization inside device_seconds; NULL where unobserved or unhealthy.",
        ),
        ("energy_joules", "seconds", "Energy measured in the time, at the device; NULL where not measured."),
        (
            "co2e_grams",
            "seconds",
            "What it emits by [[grid]], with the site's PUE; NULL where not measured, or without a factor.",
        ),
        (
            "source!",
            "string",
            "What told of it: agent, prometheus, cloud_monitoring, scheduler (or a job log), samples, capacity.",
        ),
        ("price_id", "string", "Price in force; NULL: unpriced."),
        _RUN,
    ),
    partition_by="day",
    cluster_by=("cluster", "team", "accelerator"),
)
CHARGES = Table(
    "charges",
    "Priced usage of one day and who bears it.",
    ("charge_id", "publication"),
    _columns(
        ("charge_id!", "string", "Hash of the grain; equal on every re-run."),
        ("day!", "date", "Day (UTC) incurred."),
        ("month!", "string", "Billing month, YYYY-MM."),
        ("team!", "string", "Who bears it; `unowned` where no rule and no claim names a team."),
        ("owner_team", "string", "Team of the holder; owner of the capacity that nobody held, or nobody could use."),
        (
            "cost_center",
            "string",
            "Cost center of the holder's team; NULL for overhead, which the holder does not bear.",
        ),
        ("model", "string", "Model."),
        ("purpose", "string", "Purpose."),
        ("workload_id", "string", "Holder; NULL where nobody held it."),
        ("cluster!", "string", "Cluster."),
        ("pool!", "string", "Pool."),
        ("accelerator!", "string", "Canonical accelerator name."),
        ("provider", "string", "Provider."),
        ("region", "string", "Region."),
        ("purchase", "string", "How the capacity was bought."),
        ("state!", "string", "State of the time charged."),
        ("charge_kind!", "string", "One of the kinds of the data dictionary."),
        (
            "borne_by_rule",
            "string",
            "Policy rule that moved the cost, or what made the line: of a bill, a dispute, a commitment; NULL: none.",
        ),
        ("device_seconds!", "seconds", "Accelerator time charged."),
        ("unit_price", "money", "Price per accelerator-hour; NULL: unpriced."),
        ("price_id", "string", "Price row used; of lines of months sku:ID of a bill, commitment:ID or reservation:ID."),
        ("price_status!", "string", "priced or unpriced."),
        ("cost", "money", "Cost on the allocated basis; NULL: unpriced, never 0."),
        ("used_cost", "money", "cost × busy ÷ device time; NULL where unobserved, unhealthy or unpriced."),
        ("list_cost", "money", "Cost at the on-demand price of the same SKU; NULL where the book has none."),
        ("currency", "string", "Currency of the price; NULL: unpriced."),
        _RUN,
    ),
    partition_by="day",
    cluster_by=("cluster", "team"),
)
CAPACITY = Table(
    "capacity",
    "Accelerator time that was there to be used, by day: as stated, and as raised where more was held than stated.",
    (
        "day",
        "cluster",
        "pool",
        "accelerator",
        "device_id",
        "node",
        "provider",
        "region",
        "purchase",
        "owner_team",
        "publication",
    ),
    _columns(
        ("day!", "date", "Day (UTC)."),
        ("cluster!", "string", "Cluster."),
        ("pool!", "string", "Pool."),
        ("accelerator!", "string", "Canonical accelerator name."),
        ("device_id", "string", "Device, where accounted by device."),
        ("node", "string", "Node of the device."),
        ("provider", "string", "Provider."),
        ("region", "string", "Region."),
        ("purchase", "string", "How it was bought."),
        ("owner_team", "string", "Owner."),
        ("stated_seconds!", "seconds", "Accelerator time by the capacity rows."),
        ("raised_seconds!", "seconds", "Accelerator time accounted: stated, or what was held where that is more."),
        _RUN,
    ),
    partition_by="day",
    cluster_by=("cluster",),
)
WORKLOADS = Table(
    "workloads",
    "Attempts of workloads, each in the day it started (or was submitted, if it never started).",
    ("day", "cluster", "attempt", "publication"),
    _columns(
        ("day!", "date", "Day (UTC) of start."),
        ("cluster!", "string", "Cluster."),
        ("attempt!", "int64", "Number of the row within the day, in sort order."),
        ("workload_id", "string", "Job or pod."),
        ("team", "string", "Team at the start."),
        ("owner_status!", "string", "fact, claim or unowned."),
        ("cost_center", "string", "Cost center."),
        ("model", "string", "Model."),
        ("purpose", "string", "Purpose."),
        ("user", "string", "User."),
        ("account", "string", "Account."),
        ("namespace", "string", "Namespace."),
        ("pool!", "string", "Pool."),
        ("node", "string", "Node."),
        ("device_id", "string", "Device."),
        ("accelerator!", "string", "Canonical accelerator name."),
        ("quantity!", "money", "Accelerators held."),
        ("submitted", "timestamp", "When it was asked for."),
        ("start", "timestamp", "Start; NULL: never started."),
        ("end", "timestamp", "End; NULL: running at the watermark."),
        ("outcome", "string", "How it ended."),
        ("priority", "int64", "Scheduling priority."),
        _RUN,
    ),
    partition_by="day",
    cluster_by=("cluster",),
)
PRICES = Table(
    "prices",
    "Price in force for each SKU that a cluster had on a day, cut at every change.",
    ("day", "cluster", "accelerator", "provider", "region", "purchase", "start", "publication"),
    _columns(
        ("day!", "date", "Day (UTC)."),
        ("cluster!", "string", "Cluster."),
        ("accelerator!", "string", "Canonical accelerator name."),
        ("provider", "string", "Provider."),
        ("region", "string", "Region."),
        ("purchase", "string", "How it was bought."),
        ("start!", "timestamp", "From, within the day."),
        ("end!", "timestamp", "To, within the day."),
        ("price_id", "string", "Price row that matched best; NULL: unpriced."),
        ("price_per_hour", "money", "Price of one accelerator-hour."),
        ("currency", "string", "Currency."),
        ("covers", "string", "machine or accelerator."),
        ("kind", "string", "list, negotiated, or committed: made by commitments; NULL: unpriced, or older than kinds."),
        _RUN,
    ),
    partition_by="day",
    cluster_by=("cluster",),
)
FAULTS = Table(
    "faults",
    "What did not fit, counted: nothing here was dropped.",
    ("day", "cluster", "fault", "pool", "accelerator", "publication"),
    _columns(
        ("day!", "date", "Day (UTC)."),
        ("cluster!", "string", "Cluster."),
        ("fault!", "string", "over_allocated, no_matching_capacity, unallocated_use, …"),
        ("pool", "string", "Pool."),
        ("accelerator", "string", "Accelerator."),
        ("workloads!", "int64", "Workloads, samples or batches concerned."),
        ("device_seconds", "seconds", "Accelerator time concerned."),
        ("cost", "money", "Cost concerned; NULL where unpriced."),
        _RUN,
    ),
    partition_by="day",
    cluster_by=("cluster",),
)
SERVING = Table(
    "serving",
    "What serving engines counted, by hour, workload and model.",
    ("hour", "cluster", "workload_id", "model", "engine", "publication"),
    _columns(
        ("hour!", "timestamp", "Hour (UTC) in which it was counted."),
        ("day!", "date", "Day (UTC) of the hour."),
        ("cluster!", "string", "Cluster."),
        ("workload_id!", "string", "Workload that served: a replica."),
        ("team", "string", "Team of the workload; NULL: unowned, or it held nothing then."),
        ("model!", "string", "Model, as the engine names it: a claim."),
        ("engine!", "string", "vllm, sglang, triton, tgi, ray_serve, torchserve, tensorflow_serving, …"),
        ("requests", "int64", "Requests that were answered; NULL: not counted."),
        ("input_tokens", "int64", "Prompt tokens, cached ones included; NULL: not counted."),
        ("output_tokens", "int64", "Generated tokens; NULL: not counted."),
        ("busy_seconds", "seconds", "Device time in which the engine computed; NULL where it does not measure it."),
        _RUN,
    ),
    partition_by="day",
    cluster_by=("cluster", "model"),
)
QUOTAS = Table(
    "quotas",
    "What queues could use of accelerators and used, by hour; only time of which a collector told.",
    ("hour", "cluster", "queue", "cohort", "flavor", "accelerator", "publication"),
    _columns(
        ("hour!", "timestamp", "Hour (UTC)."),
        ("day!", "date", "Day (UTC) of the hour."),
        ("cluster!", "string", "Cluster."),
        ("cohort", "string", "Cohort that the queue may borrow from; NULL: it is in none."),
        ("queue!", "string", "Queue: a ClusterQueue of Kueue."),
        ("flavor!", "string", "Resource flavor."),
        ("accelerator!", "string", "Accelerator."),
        ("quota_seconds!", "seconds", "Accelerator time of the nominal quota."),
        ("used_seconds!", "seconds", "Accelerator time that its workloads were admitted to use."),
        ("borrowed_seconds!", "seconds", "Of that, what lay above the nominal quota, instant by instant."),
        _RUN,
    ),
    partition_by="day",
    cluster_by=("cluster", "queue"),
)
PUBLICATIONS = Table(
    "publications",
    "The switch: which publication is current for a cluster and day (the highest seq).",
    ("seq", "cluster", "day"),
    _columns(
        ("seq!", "int64", "Order of publishing; one number for all rows of one switch."),
        ("publication!", "string", "Publication."),
        ("cluster!", "string", "Cluster."),
        ("day!", "date", "Day (UTC)."),
        ("published_at!", "timestamp", "When the switch was made."),
        ("fingerprint!", "string", "Digest of the inputs the day was computed from."),
    ),
)
RUNS = Table(
    "runs",
    "Runs of the pipeline and how they ended.",
    ("publication",),
    _columns(
        ("publication!", "string", "Publication that the run made."),
        ("started!", "timestamp", "Start of the run."),
        ("ended!", "timestamp", "End of the run."),
        ("from_day!", "date", "First day published."),
        ("to_day!", "date", "Last day published."),
        ("cluster_days!", "int64", "Cluster-days published."),
        ("usage_rows!", "int64", "Usage rows published."),
        ("charge_rows!", "int64", "Charge rows published."),
        ("cost", "money", "Cost published, priced rows only; NULL where none has a price."),
        ("residual_seconds!", "seconds", "Accelerator time lost or made by the run: 0."),
        ("residual_cost!", "money", "Cost lost or made by the run: 0."),
        ("unpriced_seconds!", "seconds", "Accelerator time without a price."),
    ),
)

INPUTS: dict[str, Table] = {
    "jobs": INPUT_JOBS,
    "capacity": INPUT_CAPACITY,
    "prices": INPUT_PRICES,
    "teams": INPUT_TEAMS,
    "samples": INPUT_SAMPLES,
    "invoice": INPUT_INVOICE,
}
SOURCES: dict[str, Table] = {**INPUTS, **AGENT}
"""What results are computed from: imported rows, and what agents told."""
ADJUSTMENTS, LEDGER = of_months(CHARGES)
RESULTS: tuple[Table, ...] = (USAGE, CHARGES, CAPACITY, WORKLOADS, PRICES, FAULTS, SERVING, QUOTAS)
"""What a run computes for each day of a cluster."""
PUBLISHED: tuple[Table, ...] = (*RESULTS, ADJUSTMENTS, RECONCILIATION, LEDGER)
"""Tables whose rows belong to a publication, or to a close."""
TOLD: tuple[Table, ...] = (PUBLICATIONS, RUNS, CLOSES, STATEMENTS, DISPUTES)
"""What the catalog itself says."""
ALL: tuple[Table, ...] = (*PUBLISHED, *TOLD, *SOURCES.values(), QUARANTINE)

STATES: dict[str, str] = {
    "maintenance": "Taken out of service by its scheduler: drained, or under maintenance.",
    "unhealthy": "The device could not be used, whether somebody held it or not.",
    "allocated_unobserved": "Held; no sample tells what it did.",
    "allocated_idle": "Held; observed doing nothing for at least `idle_after`.",
    "allocated_active": "Held and doing something, or idle for a shorter time.",
    "unallocated_reserved": "Free, but set aside by a reservation.",
    "unallocated_queued": "Free while a waiting request fits.",
    "unallocated_stranded": "Free, but too little for any waiting or typical request.",
    "unallocated_free": "Free and nobody asks.",
    "unobserved": "No source tells whether it was held: no job log, and no agent watched the device.",
}
CHARGE_KINDS: dict[str, str] = {
    "maintenance": "overhead",
    "unhealthy": "overhead",
    "allocated_unobserved": "usage",
    "allocated_active": "usage",
    "allocated_idle": "idle",
    "unallocated_reserved": "unallocated",
    "unallocated_queued": "unallocated",
    "unallocated_stranded": "unallocated",
    "unallocated_free": "unallocated",
    "unobserved": "unallocated",
}


KINDS: dict[str, str] = {
    "usage": "Held, and used or not observed.",
    "idle": "Held and observed doing nothing.",
    "unallocated": "Held by nobody.",
    "overhead": "Could not be used; of a bill: hosts, storage, network.",
    "commitment_unused": "What a commitment cost that nobody used.",
    "credit": "Credits of a bill that are no commitment's.",
    "reconciliation": "What a bill has more, or less, than was computed.",
    "correction": "What is known now of a closed month, less what was booked.",
}
"""Charge kinds."""


def by_name(name: str) -> Table:
    """The table of that name; raises `KeyError`."""
    return {t.name: t for t in ALL}[name]
