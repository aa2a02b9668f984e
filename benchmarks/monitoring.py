"""A day of Cloud Monitoring series, read from a loopback server and spooled, against the bare loop over the pages."""

from __future__ import annotations

import json
import multiprocessing as mp
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import grpc
from google.cloud import monitoring_v3 as api
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

from accounting.simulate.apis.monitoring import Described, Monitoring, Point, Series, Server
from collector.central.findings import Span
from collector.central.telling import tell
from collector.cloud.config import CloudMonitoring
from collector.cloud.source import Cloud
from collector.spool.spool import Spool
from collector.wire import Header

CLAIMED_RATIO = 3.0
CLAIMED_BYTES = 512 * 2**20
SERIES, HOURS = 5_000, 24
SHORT_HOURS = 3
STEP_MS, HOUR_MS = 60_000, 3_600_000
BEGIN_MS = 1_793_577_600_000
CHIPS = 4
METRICS = ("duty_cycle", "memory_used")

Done = dict[str, float]


def measure(folder: Path, rounds: int) -> bool:
    """Prints each round and the medians; False where a claim does not hold."""
    ratios, peaks = [], []
    for number in range(1, rounds + 1):
        bare = {"plus": _apart(_bare, SERIES, True), "raw": _apart(_bare, SERIES, False)}
        short = _apart(_ours, SERIES, (folder / f"{number}-short", SHORT_HOURS))
        ours = _apart(_ours, SERIES, (folder / f"{number}", HOURS))
        ratios.append(ours["seconds"] / bare["plus"]["seconds"])
        peaks.append(ours["bytes"])
        print(
            f"round {number}: {ours['points']:,.0f} points asked for, {ours['rows']:,.0f} rows spooled "
            f"{ours['seconds']:.1f} s; the client's pages {bare['plus']['seconds']:.1f} s "
            f"({bare['plus']['points']:,.0f} points), raw pages {bare['raw']['seconds']:.1f} s; ratio {ratios[-1]:.2f} "
            f"(to raw pages {ours['seconds'] / bare['raw']['seconds']:.2f}); peak "
            f"{short['bytes'] / 2**20:.0f} MiB at {short['rows'] * 2:,.0f} points told, "
            f"{ours['bytes'] / 2**20:.0f} MiB at {ours['rows'] * 2:,.0f}",
            flush=True,
        )
    ratio, peak = statistics.median(ratios), max(peaks)
    print(
        f"monitoring: median ratio {ratio:.2f}, peak {peak / 2**20:.0f} MiB "
        f"(claimed: ratio at most {CLAIMED_RATIO}, below {CLAIMED_BYTES / 2**20:.0f} MiB)"
    )
    return ratio <= CLAIMED_RATIO and peak < CLAIMED_BYTES


def _apart(work: Callable[..., Done], series: int, argument: object) -> Done:
    """Runs a reader in a process of its own, the server in another."""
    context = mp.get_context("spawn")
    answers = context.Queue()
    stop = context.Event()
    server = context.Process(target=_serve, args=(series, answers, stop))
    server.start()
    endpoint = answers.get()
    reader = context.Process(target=_work, args=(work, endpoint, argument, answers))
    reader.start()
    done: Done = json.loads(answers.get())
    reader.join()
    stop.set()
    server.join()
    return done


def _work(work: Callable[..., Done], endpoint: str, argument: object, answers: Any) -> None:  # noqa: ANN401 - a queue
    began = time.perf_counter()
    done = work(endpoint, argument)
    seconds = time.perf_counter() - began
    answers.put(json.dumps({**done, "seconds": seconds, "bytes": _peak()}))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _serve(series: int, answers: Any, stop: Any) -> None:  # noqa: ANN401 - a queue and an event
    described = [Described(f"kubernetes.io/node/accelerator/{METRICS[0]}", "percent")]
    described.append(Described(f"kubernetes.io/node/accelerator/{METRICS[1]}", "bytes", value_type="INT64"))
    fleet = [_series(described[n % 2], n // 2) for n in range(series)]
    with Server(Monitoring(fleet, described, lambda: BEGIN_MS + (HOURS + 1) * HOUR_MS)) as server:
        answers.put(server.endpoint)
        stop.wait()


def _series(described: Described, number: int) -> Series:
    node = f"gke-h100-{number // CHIPS:05}"
    labels = {"make": "nvidia", "model": "nvidia-h100-80gb", "accelerator_id": f"GPU-{number:08}"}
    place = {"project_id": "p", "location": "us-central1-a", "cluster_name": "c1", "node_name": node}

    def points(start_ms: int, end_ms: int) -> Iterable[Point]:
        first = start_ms // STEP_MS * STEP_MS + STEP_MS
        last = min(end_ms, BEGIN_MS + HOURS * HOUR_MS)
        return [Point(at, _noise(at // STEP_MS, number)) for at in range(max(first, BEGIN_MS + 1), last + 1, STEP_MS)]

    return Series(described, labels, "k8s_node", place, points)


def _noise(minute: int, number: int) -> float:
    return float((minute * 2_654_435_761 + number * 40_503) % 1009 // 10)


def _ours(endpoint: str, argument: tuple[Path, int]) -> Done:
    folder, hours = argument
    config = CloudMonitoring(project="p", metrics=("gke",), endpoint=endpoint, plaintext=True, timeout=600)
    cloud = Cloud(config, lambda: BEGIN_MS + (HOURS + 1) * HOUR_MS)
    spool = Spool(folder, Header(agent="cloud", stream="", first=1, node="here", source="cloud_monitoring"))
    points = rows = 0
    for hour in range(hours):
        found = cloud.read(_hour(hour))
        rows += tell(spool, found)
        points += found.points
    spool.close()
    cloud.close()
    return {"points": points, "rows": rows}


def _bare(endpoint: str, plus: bool) -> Done:
    """Every page of the same hours once, its points' ends and values looked at; `plus`: as Google documents it."""
    channel = grpc.insecure_channel(endpoint, options=[("grpc.max_receive_message_length", -1)])
    client = api.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
    points = 0
    for hour in range(HOURS):
        for metric in METRICS:
            for page in client.list_time_series(request=_request(metric, _hour(hour))).pages:
                points += _look(page.time_series) if plus else _look_raw(type(page).pb(page).time_series)
    return {"points": points, "rows": 0}


def _look(series: Any) -> int:  # noqa: ANN401 - proto-plus
    points = 0
    for one in series:
        kind = one.value_type
        for point in one.points:
            point.interval.end_time.timestamp()
            _ = point.value.double_value if kind == 3 else point.value.int64_value
            points += 1
    return points


def _look_raw(series: Any) -> int:  # noqa: ANN401 - protobuf
    points = 0
    for one in series:
        kind = one.value_type
        for point in one.points:
            _ = point.interval.end_time.seconds
            _ = point.value.double_value if kind == 3 else point.value.int64_value
            points += 1
    return points


def _request(metric: str, span: Span) -> api.ListTimeSeriesRequest:
    return api.ListTimeSeriesRequest(
        name="projects/p",
        filter=f'metric.type = "kubernetes.io/node/accelerator/{metric}" AND resource.type = "k8s_node"',
        interval=api.TimeInterval(
            start_time={"seconds": span.start_ms // 1000}, end_time={"seconds": span.end_ms // 1000}
        ),
        page_size=100_000,
    )


def _hour(hour: int) -> Span:
    return Span(BEGIN_MS + hour * HOUR_MS, BEGIN_MS + (hour + 1) * HOUR_MS)
