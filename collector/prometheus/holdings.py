"""Who held which device: from the pods and jobs in an exporter's labels to holdings."""

from __future__ import annotations

from collector.central.findings import Span
from collector.central.series import Level, levels
from collector.holders import WHOLE, Hold
from collector.prometheus.devices import Holder, Seen
from collector.prometheus.memory import Memory
from collector.prometheus.pod import Pod
from collector.prometheus.pods import Pods
from collector.wire import Workload

_FORGOTTEN_MS = 24 * 3_600_000


def held(one: Seen, span: Span, step_ms: int, memory: Memory, pods: Pods) -> list[Hold]:
    """The holdings of a device that are new or went on in a span, or ended.

    A pod that succeeded, failed or is gone holds no more, whatever a cache of the exporter still says.
    """
    told: list[Hold] = []
    open_ = memory.holds.setdefault(one.device.uuid, {})
    between = levels([(at, 0.0) for at in one.instants], 2 * step_ms, span.start_ms, span.end_ms)
    for level in between:
        now = {f"{namespace}/{name}": (c, namespace, name) for c, namespace, name in one.holders[level.end_ms]}
        for key in sorted(open_.keys() - now.keys()):
            told += _missed(key, level, open_, pods)
        for key, holder in sorted(now.items()):
            told += _extended(one, key, holder, level, open_, pods)
    return told + [hold for hold in open_.values() if hold.until_ms > span.start_ms]


def forget(memory: Memory, span: Span) -> None:
    """Holdings, counters and nodes that nothing was heard of for a day."""
    since_ms = span.start_ms - _FORGOTTEN_MS
    lately = {uuid: {k: h for k, h in open_.items() if h.until_ms >= since_ms} for uuid, open_ in memory.holds.items()}
    memory.holds = {uuid: open_ for uuid, open_ in lately.items() if open_}
    memory.energy = {key: last for key, last in memory.energy.items() if last.at_ms >= since_ms}
    memory.alive = {who: at_ms for who, at_ms in memory.alive.items() if at_ms >= since_ms}
    memory.nodes = {name: node for name, node in memory.nodes.items() if node.seen_ms >= since_ms}


def _closed(open_: dict[str, Hold], key: str) -> Hold:
    hold = open_.pop(key)
    hold.closed = True
    return hold


def _missed(key: str, level: Level, open_: dict[str, Hold], pods: Pods) -> list[Hold]:
    """The holding, ended, of somebody whom the exporter does not name any more.

    It loses labels at times: a pod that goes on has the device still, as it has for all of its life.
    """
    hold = open_[key]
    pod = _pod(hold, pods, level.end_ms)
    if pod is None or not pod.holds(level.end_ms) or (pod.since_ms or 0) > hold.until_ms:
        return [_closed(open_, key)]
    hold.until_ms = max(hold.until_ms, min(level.end_ms, pod.last_ms))
    return []


def _pod(hold: Hold, pods: Pods, at_ms: int) -> Pod | None:
    workload = hold.workload
    if workload.kind != "kubernetes":
        return None
    return pods.at(workload.cluster, workload.namespace, workload.id.partition("/")[2], at_ms)


def _extended(one: Seen, key: str, holder: Holder, level: Level, open_: dict[str, Hold], pods: Pods) -> list[Hold]:
    """The holding goes on through an interval, or begins in it; those that ended are returned."""
    cluster, namespace, name = holder
    pod = pods.at(cluster, namespace, name, level.end_ms) if namespace else None
    start_ms = max(level.start_ms, (pod.since_ms or 0) if pod else 0)
    ended_ms = pod.ended_ms if pod else None
    until_ms = level.end_ms if ended_ms is None else min(level.end_ms, ended_ms)
    told: list[Hold] = []
    hold = open_.get(key)
    goes_on = hold is not None and pod is not None and (pod.since_ms or level.end_ms) <= hold.until_ms
    if hold and hold.until_ms < start_ms and not goes_on:
        told.append(_closed(open_, key))
        hold = None
    if hold is None and start_ms < until_ms:
        hold = open_[key] = Hold(
            device=one.device, workload=_workload(holder), share_ppm=WHOLE, start_ms=start_ms, until_ms=until_ms
        )
    if hold:
        hold.until_ms = max(hold.until_ms, until_ms)
        hold.device, hold.workload = one.device, pod.workload() if pod else hold.workload
    if hold and ended_ms is not None and ended_ms <= level.end_ms:
        told.append(_closed(open_, key))
    return told


def _workload(holder: Holder) -> Workload:
    cluster, namespace, name = holder
    if not namespace:
        return Workload(id=name, kind="slurm", uid=name, cluster=cluster)
    return Workload(id=f"{namespace}/{name}", kind="kubernetes", namespace=namespace, cluster=cluster)
