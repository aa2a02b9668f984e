"""What agents and other collectors told, as ingested from the inbox.

Rows count while their import does, and may repeat each other: `accounting.inputs.observations` has those that count.
"""

from __future__ import annotations

from accounting.schema import Spec, Table, columns

_TOLD: tuple[Spec, ...] = (
    ("import_seq!", "int64", "Number of the import that brought the row."),
    ("row!", "int64", "Row in the import, counted from 1."),
    ("source", "string", "Who tells: agent (or NULL), prometheus, cloud_monitoring, scheduler."),
    ("cluster!", "string", "Cluster of what is told of."),
)
_DEVICE: tuple[Spec, ...] = (
    ("node!", "string", "Node of the device."),
    ("device_id!", "string", "Device; of a MIG instance the device it is cut from."),
)
_INSTANCE: Spec = ("instance_id", "string", "MIG instance; NULL: the device itself.")

AGENT_RECORDS = Table(
    "agent_records",
    "What a device, or one workload's part of it, did in one interval, as an agent observed it.",
    ("import_seq", "row"),
    columns(
        *_TOLD,
        *_DEVICE,
        _INSTANCE,
        ("workload_id", "string", "Workload whose part it is; NULL: all of the device or instance."),
        ("start_ms!", "int64", "Start of the interval."),
        ("end_ms!", "int64", "End of the interval."),
        ("busy_ppm", "int64", "Mean utilization, millionths of the device, also where an instance was observed."),
        ("sm_active_ppm", "int64", "SM activity, millionths of the device."),
        ("tensor_active_ppm", "int64", "Tensor core activity, millionths of the device."),
        ("memory_bytes", "int64", "Mean memory in use."),
        ("energy_mj", "int64", "Energy in the interval in millijoules."),
        ("health!", "int64", "Bits: 1 lost, 2 xid, 4 ecc, 8 reset; any of them: it could not be used."),
        ("flags!", "int64", "Bits: 1 contradiction, 2 held, 4 energy_restart, 8 coarse, 16 and 32 how it was split."),
    ),
    partition_by="start_ms",
    raw=True,
)
AGENT_HOLDINGS = Table(
    "agent_holdings",
    "Workloads holding devices, as far as an agent knew at the time; told again as time goes on.",
    ("import_seq", "row"),
    columns(
        *_TOLD,
        ("pool!", "string", "Pool of the device."),
        *_DEVICE,
        _INSTANCE,
        ("accelerator!", "string", "Name of the device; of an instance with its profile."),
        ("quantity_ppm!", "int64", "Share of the device or instance, in millionths."),
        ("workload_id!", "string", "Holder."),
        ("kind!", "string", "kubernetes, slurm, docker, systemd, user, …"),
        ("trust!", "string", "What workload_id rests on: fact, claim or hint."),
        ("uid", "string", "The holder's id in its own system."),
        ("namespace", "string", "Kubernetes namespace."),
        ("user", "string", "User."),
        ("account", "string", "Slurm account."),
        ("team", "string", "The workload's own statement of its team: a claim."),
        ("model", "string", "Model: a claim."),
        ("purpose", "string", "Purpose: a claim."),
        ("start_ms!", "int64", "Held since."),
        ("until_ms!", "int64", "Held at least until."),
        ("closed!", "int64", "1: it ended at until_ms."),
    ),
)
AGENT_DEVICES = Table(
    "agent_devices",
    "Devices that an agent observed or knew to be held, and between which instants.",
    ("import_seq", "row"),
    columns(
        *_TOLD,
        ("pool!", "string", "Pool of the device."),
        *_DEVICE,
        ("accelerator!", "string", "Name of the device."),
        ("provider", "string", "gcp, aws, azure, on_prem, …"),
        ("region", "string", "Provider's region."),
        ("purchase", "string", "on_demand, spot, committed, reservation, owned, …"),
        ("first_ms!", "int64", "Start of the first interval or holding that this import has of it."),
        ("last_ms!", "int64", "End of the last one."),
    ),
)
AGENT_NOTES = Table(
    "agent_notes",
    "What happened on nodes, as agents noted it.",
    ("import_seq", "row"),
    columns(
        *_TOLD,
        ("node!", "string", "Node concerned."),
        ("device_id", "string", "Device or MIG instance concerned; NULL: the node or the agent."),
        ("at_ms!", "int64", "When."),
        ("kind!", "string", "xid, lost, recovered, driver_reload, stalled, clock_step, dropped, damaged, …"),
        ("value", "int64", "Of dropped: milliseconds; of damaged: batches; else as the kind has it."),
        ("text", "string", "More, in words."),
    ),
)

_GROUP: tuple[Spec, ...] = (
    ("pool!", "string", "Pool."),
    ("node", "string", "Node; NULL: the pool as a whole."),
    ("accelerator!", "string", "Name of the accelerator; of slices with their profile."),
)
AGENT_ALLOCATIONS = Table(
    "agent_allocations",
    "Workloads that ask for or hold accelerators by number, as far as a collector knew; told again as time goes on.",
    ("import_seq", "row"),
    columns(
        *_TOLD,
        *_GROUP,
        ("quantity_ppm!", "int64", "Accelerators, in millionths."),
        ("workload_id!", "string", "Who asks or holds."),
        ("kind!", "string", "kubernetes, slurm, …"),
        ("trust!", "string", "What workload_id rests on: fact, claim or hint."),
        ("uid", "string", "The workload's id in its own system."),
        ("namespace", "string", "Kubernetes namespace, or Slurm partition."),
        ("user", "string", "User."),
        ("account", "string", "Slurm account."),
        ("team", "string", "The workload's own statement of its team: a claim."),
        ("model", "string", "Model: a claim."),
        ("purpose", "string", "Purpose: a claim."),
        ("submitted_ms", "int64", "When it was asked for."),
        ("start_ms", "int64", "Held since; NULL: it waits."),
        ("until_ms!", "int64", "Held, or waiting, at least until."),
        ("closed!", "int64", "1: it ended at until_ms."),
        ("priority", "int64", "Scheduling priority."),
        ("outcome", "string", "How it ended, in the scheduler's words."),
    ),
)
AGENT_STOCK = Table(
    "agent_stock",
    "Accelerators that were there in an interval, by number, and in which condition.",
    ("import_seq", "row"),
    columns(
        *_TOLD,
        ("collector", "string", "Which collector tells, by its name in the inbox."),
        *_GROUP,
        ("provider", "string", "gcp, aws, azure, on_prem, …"),
        ("region", "string", "Provider's region."),
        ("purchase", "string", "on_demand, spot, committed, reservation, owned, …"),
        ("quantity_ppm!", "int64", "Accelerators, in millionths."),
        ("start_ms!", "int64", "Start of the interval."),
        ("until_ms!", "int64", "End of the interval."),
        ("condition!", "string", "ready, maintenance or unhealthy."),
    ),
)
AGENT_SERVED = Table(
    "agent_served",
    "What a serving engine counted in an interval for one model.",
    ("import_seq", "row"),
    columns(
        *_TOLD,
        ("workload_id!", "string", "Workload that served: a replica."),
        ("model!", "string", "Model, as the engine names it: a claim."),
        ("engine!", "string", "vllm, sglang, triton, …"),
        ("start_ms!", "int64", "Start of the interval."),
        ("end_ms!", "int64", "End of the interval."),
        ("requests", "int64", "Requests that were answered."),
        ("input_tokens", "int64", "Prompt tokens, cached ones included."),
        ("output_tokens", "int64", "Generated tokens."),
        ("busy_ms", "int64", "Milliseconds of one device in which the engine computed, where it measures them."),
    ),
)
AGENT_QUOTAS = Table(
    "agent_quotas",
    "A queue's nominal quota of accelerators in an interval, and how much of it and beyond it was used.",
    ("import_seq", "row"),
    columns(
        *_TOLD,
        ("queue!", "string", "Queue: a ClusterQueue of Kueue."),
        ("cohort", "string", "Cohort that the queue may borrow from; NULL: it is in none."),
        ("flavor!", "string", "Resource flavor."),
        ("accelerator!", "string", "Name of the accelerator; of slices with their profile."),
        ("nominal_ppm!", "int64", "Nominal quota, in millionths of accelerators."),
        ("used_ppm!", "int64", "Used by admitted workloads, in millionths of accelerators."),
        ("start_ms!", "int64", "Start of the interval."),
        ("until_ms!", "int64", "End of the interval."),
    ),
)

AGENT: dict[str, Table] = {
    t.name: t
    for t in (
        AGENT_RECORDS,
        AGENT_HOLDINGS,
        AGENT_DEVICES,
        AGENT_NOTES,
        AGENT_ALLOCATIONS,
        AGENT_STOCK,
        AGENT_SERVED,
        AGENT_QUOTAS,
    )
}
