"""The series of a window, brought to the devices and parts of devices that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from collector.cloud.answers import Answer
from collector.cloud.config import CloudMonitoring
from collector.cloud.grid import CELL_MS, Cells, cells_of_step, placed
from collector.cloud.memory import Host, Memory
from collector.cloud.metrics import Described
from collector.cloud.numbering import assign, enroll, instance
from collector.cloud.places import Spot, device_id, is_unique, place, pod, slice_of, spot
from collector.wire import Device, Workload


class Subject(Struct, kw_only=True):
    """A device, or one workload's part of it, with the cells of each measure; `step`: for how many cells one stands."""

    key: str
    device: Device
    workload: Workload | None
    resource: str
    host: str
    tpu: bool
    topology: str
    step: int = 1
    measures: dict[str, Cells] = {}


class Read(Struct):
    """A series with what its labels say; `host` is found for those that do not say it."""

    resource: str
    measure: str
    factor: float
    step: int
    spot: Spot
    answer: Answer
    workload: Workload | None = None
    host: str = ""


class Subjects(Struct):
    """Of one window: devices and parts by key, and how many series had a chip that no host is known to have."""

    found: dict[str, Subject] = {}
    unplaced: int = 0


def subjects(
    config: CloudMonitoring, memory: Memory, told: list[tuple[Described, list[Answer]]], *, old: bool
) -> Subjects:
    """Devices of nodes' series, parts of containers'; new hosts, chips and ids of duty cycles are learned first.

    `old`: so long ago that points may have been thinned out.
    """
    reads = [read for described, answers in told for read in _reads(config, described, answers, old)]
    of_hosts = [read for read in reads if read.workload is None]
    of_pods = [read for read in reads if read.workload is not None]
    _learn(config, memory, of_hosts)
    _locate(memory, of_pods)
    known = [read for read in reads if read.host]
    _number(memory, known)
    found = Subjects(unplaced=len(reads) - len(known))
    for read in known:
        _take(config, memory, found.found, read)
    return found


def _reads(config: CloudMonitoring, described: Described, answers: list[Answer], old: bool) -> Iterator[Read]:
    metric = described.metric
    step = cells_of_step((answer.points for answer in answers), described.sample_ms, old=old)
    for answer in answers:
        if not answer.points:
            continue
        where = spot(metric.resource, answer.labels)
        workload = pod(config, answer.labels, answer.user) if metric.resource == "k8s_container" else None
        yield Read(metric.resource, metric.measure, described.factor, step, where, answer, workload, where.host)


def _learn(config: CloudMonitoring, memory: Memory, reads: list[Read]) -> None:
    for read in reads:
        host = memory.hosts.get(read.host)
        if host is None:
            phase = min(at for at, _ in read.answer.points) % CELL_MS
            pool = slice_of(config, read.spot.node) if read.spot.topology else ""
            memory.hosts[read.host] = host = Host(phase_ms=phase, node=read.spot.node, pool=pool)
        if read.spot.topology and not host.pool:
            host.pool = slice_of(config, read.spot.node)
    for name, ids in _ids(reads, duty=False).items():
        enroll(memory.hosts[name], ids)


def _locate(memory: Memory, reads: list[Read]) -> None:
    """Finds the host of containers' series by their chips' ids, or by the instance in them."""
    hosts: dict[str, str] = {}
    # What a node's own series say comes last and stands over what its pods' did.
    for known, host in sorted(memory.hosts.items(), key=lambda item: bool(item[1].node)):
        for chip in filter(is_unique, (*host.chips, *host.duties)):
            hosts[chip] = hosts[instance(chip)] = known
    for read in reads:
        chip = read.spot.chip
        name = hosts.get(chip) or (hosts.get(instance(chip), "") if read.spot.tpu else "")
        if not name and is_unique(chip):
            name = f"{read.spot.scope}?{instance(chip) if read.spot.tpu else chip}"
            memory.hosts.setdefault(name, Host(phase_ms=min(at for at, _ in read.answer.points) % CELL_MS))
            enroll(memory.hosts[name], [chip] if read.measure != "busy" or not read.spot.tpu else [])
        read.host = name


def _number(memory: Memory, reads: list[Read]) -> None:
    for name, ids in _ids(reads, duty=True).items():
        assign(memory.hosts[name], ids)


def _ids(reads: Iterable[Read], *, duty: bool) -> dict[str, set[str]]:
    """By host the ids of its chips, or those under which duty cycles of TPUs come."""
    found: dict[str, set[str]] = {}
    for read in reads:
        if (read.spot.tpu and read.measure == "busy") == duty:
            found.setdefault(read.host, set()).add(read.spot.chip)
    return found


def _take(config: CloudMonitoring, memory: Memory, found: dict[str, Subject], read: Read) -> None:
    host = memory.hosts[read.host]
    where = read.spot
    if where.tpu and read.measure == "busy":
        where = where._replace(chip=host.chips[host.duties.index(where.chip)])
    uuid = device_id(where, host.node or where.scope)
    key = uuid if read.workload is None else f"{uuid}\0{read.workload.cluster}/{read.workload.id}"
    subject = found.get(key)
    if subject is None:
        at = place(config, read.answer.labels, host.node, host.pool)
        found[key] = subject = Subject(
            key=key,
            device=Device(uuid=uuid, name=where.model, place=at),
            workload=read.workload,
            resource=read.resource,
            host=read.host,
            tpu=where.tpu,
            topology=where.topology,
            measures={},
        )
    subject.step, subject.topology = max(subject.step, read.step), subject.topology or where.topology
    cells = placed(read.answer.points, host.phase_ms, read.factor)
    known = subject.measures.get(read.measure)
    subject.measures[read.measure] = cells if known is None else _greater(known, cells)


def _greater(one: Cells, other: Cells) -> Cells:
    """Containers of one pod are each told all of the chip that they share."""
    return one | {cell: max(value, one.get(cell, value)) for cell, value in other.items()}
