"""What collectors beside no node tell, put into an inbox by the genuine spool."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs

from collector.central.findings import Activity, Allocated, Counted, Findings, Quoted, Stocked
from collector.central.telling import tell
from collector.holders import Hold
from collector.spool.spool import Spool
from collector.wire import UNKNOWN, Device, Group, Header, Place, Workload

MINUTE, HOUR = 60_000, 3_600_000


def put(inbox: Path, source: str, *found: Findings, cluster: str = "east", name: str = "") -> None:
    """Puts what a source of that kind told, one segment for each of its tellings."""
    with TemporaryDirectory() as folder:
        header = Header(agent=name or source, stream="", first=1, node="collector", cluster=cluster, source=source)
        spool = Spool(Path(folder), header)
        for one in found:
            tell(spool, one)
            spool.seal()
        while (offer := spool.offer()) is not None:
            path = inbox / offer.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(offer.data)
            spool.delivered(offer)
        spool.close()


def place(node: str = "", pool: str = "train") -> Place:
    return Place(node=node, pool=pool)


def group(node: str = "", pool: str = "train", accelerator: str = "H100-80GB") -> Group:
    return Group(place=place(node, pool), accelerator=accelerator)


def device(number: int, node: str = "n1", pool: str = "train") -> Device:
    return Device(uuid=f"GPU-{node}-{number}", name="NVIDIA H100 80GB HBM3", minor=number, place=place(node, pool))


def instance(number: int, node: str = "n1") -> Device:
    """A quarter of a device."""
    whole = device(number, node)
    return structs.replace(whole, uuid=f"{whole.uuid}/gi9", parent=whole.uuid, profile="1g.20gb", instance=9)


def pod(name: str, team: str = "red") -> Workload:
    return Workload(id=f"{team}/{name}", kind="kubernetes", namespace=team, claims={"team": team, "model": "m"})


def watched(
    one: Device, start: int, end: int, step: int = MINUTE, busy: int = 50, workload: Workload | None = None
) -> Activity:
    """Samples of `step` ms from start to end, each `busy` percent."""
    rows = [(at, min(step, end - at), min(step, end - at) * busy // 100) for at in range(start, end, step)]
    return Activity(one, workload, [row + (UNKNOWN,) * 7 + (0, 0) for row in rows])


def held(one: Device, who: Workload, start: int, until: int, *, closed: bool = True) -> Hold:
    return Hold(device=one, workload=who, share_ppm=1_000_000, start_ms=start, until_ms=until, closed=closed)


def allocated(
    who: Workload,
    quantity: int,
    start: int | None,
    until: int,
    *,
    node: str = "",
    submitted: int | None = None,
    closed: bool = True,
) -> Allocated:
    return Allocated(
        group=group(node),
        workload=who,
        quantity_ppm=quantity * 1_000_000,
        submitted_ms=submitted,
        start_ms=start,
        until_ms=until,
        closed=closed,
    )


def stocked(quantity: int, start: int, until: int, condition: str = "ready", *, node: str = "n1") -> Stocked:
    return Stocked(
        group=group(node), start_ms=start, until_ms=until, quantity_ppm=quantity * 1_000_000, condition=condition
    )


def counted(who: Workload, model: str, start: int, end: int, **counts: int) -> Counted:
    return Counted(workload=who, model=model, engine="vllm", start_ms=start, end_ms=end, **counts)


def quoted(
    queue: str, quota: int, used: int, start: int, until: int, *, cohort: str = "all", flavor: str = "h100"
) -> Quoted:
    return Quoted(
        group=group(pool=""),
        queue=queue,
        cohort=cohort,
        flavor=flavor,
        start_ms=start,
        until_ms=until,
        nominal_ppm=quota * 1_000_000,
        used_ppm=used * 1_000_000,
    )
