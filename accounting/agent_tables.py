"""What agents told, as ingested from the inbox: activity, holdings, devices, notes.

Rows count while their import does, and may repeat each other: `accounting.inputs.observations` has those that count.
"""

from __future__ import annotations

from accounting.schema import Spec, Table, columns

_TOLD: tuple[Spec, ...] = (
    ("import_seq!", "int64", "Number of the import that brought the row."),
    ("row!", "int64", "Row in the import, counted from 1."),
    ("cluster!", "string", "Cluster of the agent."),
)
_DEVICE: tuple[Spec, ...] = (
    ("node!", "string", "Node of the agent."),
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
)
AGENT_HOLDINGS = Table(
    "agent_holdings",
    "Workloads holding devices, as far as an agent knew at the time; told again as time goes on.",
    ("import_seq", "row"),
    columns(
        *_TOLD,
        ("pool!", "string", "Pool of the agent."),
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
        ("pool!", "string", "Pool of the agent."),
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
        ("node!", "string", "Node of the agent."),
        ("device_id", "string", "Device or MIG instance concerned; NULL: the node or the agent."),
        ("at_ms!", "int64", "When."),
        ("kind!", "string", "xid, lost, recovered, driver_reload, stalled, clock_step, dropped, damaged, …"),
        ("value", "int64", "Of dropped: milliseconds; of damaged: batches; else as the kind has it."),
        ("text", "string", "More, in words."),
    ),
)

AGENT: dict[str, Table] = {t.name: t for t in (AGENT_RECORDS, AGENT_HOLDINGS, AGENT_DEVICES, AGENT_NOTES)}
