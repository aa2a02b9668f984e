"""Cloud Monitoring on loopback: `google.monitoring.v3.MetricService` for Google's own client, as Google documents it.

ListTimeSeries: one metric type a filter; points of `(start, end]`; pages by points, so that a series may be split over
pages, newest points first; a point is visible some time after its end. ListMetricDescriptors with sample periods and
ingest delays. No aggregation, no quotas, no permissions beyond the faults that are asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent import futures
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

from accounting.simulate.apis.filters import Term, meets, terms

MOST_POINTS = 100_000
"""Google's limit for a page."""

MOST_DESCRIPTORS = 10_000


class Point(NamedTuple):
    """A point at the end of its interval; `shown_ms`: when it can be read at the earliest (None: after the delay)."""

    end_ms: int
    value: float
    shown_ms: int | None = None
    start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """A metric's descriptor: `kind` GAUGE, DELTA or CUMULATIVE; `value_type` INT64, DOUBLE or BOOL; in seconds."""

    type: str
    unit: str
    kind: str = "GAUGE"
    value_type: str = "DOUBLE"
    sample_period: int = 60
    ingest_delay: int = 120

    def named(self, name: str) -> str:
        """What a name in a filter stands for."""
        return {"metric.type": self.type, "metric_kind": self.kind, "value_type": self.value_type}.get(name, "")


@dataclass(frozen=True, slots=True)
class Series:
    """One series; `points` gives those that end in `(start_ms, end_ms]`, ascending, each time it is asked."""

    described: Described
    labels: dict[str, str]
    resource: str
    resource_labels: dict[str, str]
    points: Callable[[int, int], Iterable[Point]]
    user_labels: dict[str, str] = field(default_factory=dict)

    def named(self, name: str) -> str:
        """What a name in a filter stands for."""
        kind, _, rest = name.partition(".")
        if name == "metric.type":
            return self.described.type
        if name == "resource.type":
            return self.resource
        return (self.labels if kind == "metric" else self.resource_labels).get(rest.removeprefix("labels."), "")


@dataclass(slots=True)
class Fault:
    """The next `times` calls of a method fail with a gRPC status' name, those of the first `after` calls do not.

    `partial` answers, with an execution error; `seconds` is how long an answer takes.
    """

    method: str = "ListTimeSeries"
    code: str = ""
    times: int = 1
    after: int = 0
    partial: bool = False
    seconds: float = 0


class Monitoring:
    """A project: its series, descriptors and faults; `now_ms` is the server's time.

    `asked` are the filters of ListTimeSeries, one for each page, and `calls` how often each method was called.
    `page_points` is the most that a page has, below Google's limit.
    """

    def __init__(
        self,
        series: list[Series],
        descriptors: list[Described],
        now_ms: Callable[[], int],
        *,
        delay_ms: int = 0,
        page_points: int = MOST_POINTS,
    ) -> None:
        self.series, self.descriptors, self.faults = series, descriptors, list[Fault]()
        self.now_ms, self.delay_ms, self.page_points = now_ms, delay_ms, page_points
        self.asked: list[str] = []
        self.calls: Counter[str] = Counter()
        self._lock = Lock()

    def list_time_series(self, request: Any, context: Any) -> Any:  # noqa: ANN401 - gRPC's
        """As Google documents projects.timeSeries.list, view FULL, without aggregation."""
        from google.cloud.monitoring_v3 import ListTimeSeriesResponse
        from google.rpc.status_pb2 import Status

        fault = self._strike("ListTimeSeries", context)
        chosen = self._chosen(request, context)
        size = min(request.page_size or MOST_POINTS, self.page_points)
        answer = ListTimeSeriesResponse.pb()()
        answer.next_page_token = self._fill(answer, chosen, request, size)
        if fault is not None and fault.partial:
            answer.execution_errors.append(Status(code=14, message="one of the backends did not answer"))
        return answer

    def list_metric_descriptors(self, request: Any, context: Any) -> Any:  # noqa: ANN401 - gRPC's
        """As Google documents projects.metricDescriptors.list."""
        from google.cloud.monitoring_v3 import ListMetricDescriptorsResponse

        self._strike("ListMetricDescriptors", context)
        wanted = self._terms(request.filter, context)
        found = [one for one in self.descriptors if meets(wanted, one.named)]
        at, size = int(request.page_token or 0), min(request.page_size or MOST_DESCRIPTORS, MOST_DESCRIPTORS)
        answer = ListMetricDescriptorsResponse.pb()()
        answer.metric_descriptors.extend(_descriptor(one) for one in found[at : at + size])
        if at + size < len(found):
            answer.next_page_token = str(at + size)
        return answer

    def _chosen(self, request: Any, context: Any) -> list[Series]:  # noqa: ANN401 - gRPC's
        wanted = self._terms(request.filter, context)
        if [(term.op, term.call) for term in wanted if term.name == "metric.type"] != [("=", "")]:
            _refuse(
                context, "The supplied filter does not specify a valid combination of metric and monitored resource"
            )
        if _ms(request.interval.start_time) >= _ms(request.interval.end_time):
            _refuse(context, "The start time must be before the end time")
        self.asked.append(request.filter)
        return [one for one in self.series if meets(wanted, one.named)]

    def _fill(self, answer: Any, chosen: list[Series], request: Any, size: int) -> str:  # noqa: ANN401 - gRPC's
        """Points up to the page's size; the token is the series and the end of its last point that was told."""
        start_ms, end_ms = _ms(request.interval.start_time), _ms(request.interval.end_time)
        begin, _, before = request.page_token.partition("/")
        for at in range(int(begin or 0), len(chosen)):
            until_ms = int(before) - 1 if before else end_ms
            before = ""
            points = self._visible(chosen[at], start_ms, until_ms)
            if not points:
                continue
            taken = points[:size]
            _add(answer, chosen[at], taken)
            size -= len(taken)
            if len(taken) < len(points):
                return f"{at}/{taken[-1].end_ms}"
            if not size:
                return f"{at + 1}/" if at + 1 < len(chosen) else ""
        return ""

    def _visible(self, series: Series, start_ms: int, end_ms: int) -> list[Point]:
        now, delay = self.now_ms(), self.delay_ms
        shown = [p for p in series.points(start_ms, end_ms) if (p.shown_ms or p.end_ms + delay) <= now]
        return shown[::-1]

    def _terms(self, text: str, context: Any) -> list[Term]:  # noqa: ANN401 - gRPC's
        try:
            return terms(text)
        except ValueError as error:
            _refuse(context, str(error))
            raise

    def _strike(self, method: str, context: Any) -> Fault | None:  # noqa: ANN401 - gRPC's
        """The fault that this call meets, which ends it if it has a status."""
        import time

        import grpc

        with self._lock:
            self.calls[method] += 1
            due = [fault for fault in self.faults if fault.method == method and fault.times > 0]
            fault = due[0] if due else None
            if fault is not None and fault.after > 0:
                fault.after, fault = fault.after - 1, None
            if fault is not None:
                fault.times -= 1
        if fault is not None and fault.seconds:
            time.sleep(fault.seconds)
        if fault is not None and fault.code:
            context.abort(grpc.StatusCode[fault.code], f"injected {fault.code}")
        return fault


class Server:
    """The service on a port of 127.0.0.1; as a context manager it ends with the block."""

    def __init__(self, monitoring: Monitoring, port: int = 0, threads: int = 4) -> None:
        import grpc
        from google.cloud import monitoring_v3 as api

        def unary(call: Callable[[Any, Any], Any], request: Any, answer: Any) -> Any:  # noqa: ANN401 - gRPC's
            return grpc.unary_unary_rpc_method_handler(
                call, request_deserializer=request.pb().FromString, response_serializer=answer.pb().SerializeToString
            )

        methods = {
            "ListTimeSeries": unary(monitoring.list_time_series, api.ListTimeSeriesRequest, api.ListTimeSeriesResponse),
            "ListMetricDescriptors": unary(
                monitoring.list_metric_descriptors, api.ListMetricDescriptorsRequest, api.ListMetricDescriptorsResponse
            ),
        }
        options = [("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(futures.ThreadPoolExecutor(threads), options=options)
        handler = grpc.method_handlers_generic_handler("google.monitoring.v3.MetricService", methods)
        self._server.add_generic_rpc_handlers((handler,))
        self.port: int = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    @property
    def endpoint(self) -> str:
        """host:port, for a client without TLS."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(0).wait()


def gauge(points: Iterable[Point]) -> Callable[[int, int], list[Point]]:
    """`Series.points` of points that are at hand, in the order in which they are told; one may come twice."""
    held = sorted(points, key=lambda point: point.end_ms)
    ends = [point.end_ms for point in held]
    return lambda start_ms, end_ms: held[bisect_right(ends, start_ms) : bisect_right(ends, end_ms)]


def _add(answer: Any, series: Series, points: list[Point]) -> None:  # noqa: ANN401 - gRPC's
    described = series.described
    told = answer.time_series.add(unit=described.unit)
    told.metric.type = described.type
    told.metric.labels.update(series.labels)
    told.resource.type = series.resource
    told.resource.labels.update(series.resource_labels)
    told.metadata.user_labels.update(series.user_labels)
    told.metric_kind, told.value_type = _KINDS[described.kind], _TYPES[described.value_type]
    field_, make = _VALUES[described.value_type]
    for end_ms, value, _, start_ms in points:
        point = told.points.add()
        _set(point.interval.end_time, end_ms)
        _set(point.interval.start_time, end_ms if start_ms is None else start_ms)
        setattr(point.value, field_, make(value))


_KINDS = {"GAUGE": 1, "DELTA": 2, "CUMULATIVE": 3}
_TYPES = {"BOOL": 1, "INT64": 2, "DOUBLE": 3}
_VALUES: dict[str, tuple[str, Callable[[float], object]]] = {
    "BOOL": ("bool_value", bool),
    "INT64": ("int64_value", int),
    "DOUBLE": ("double_value", float),
}


def _set(timestamp: Any, at_ms: int) -> None:  # noqa: ANN401 - gRPC's
    timestamp.seconds, timestamp.nanos = at_ms // 1000, at_ms % 1000 * 1_000_000


def _ms(timestamp: Any) -> int:  # noqa: ANN401 - gRPC's
    return int(timestamp.seconds * 1000 + timestamp.nanos // 1_000_000)


def _descriptor(one: Described) -> Any:  # noqa: ANN401 - gRPC's
    from google.api.metric_pb2 import MetricDescriptor

    found = MetricDescriptor(
        type=one.type, unit=one.unit, metric_kind=_KINDS[one.kind], value_type=_TYPES[one.value_type]
    )
    found.metadata.sample_period.FromSeconds(one.sample_period)
    found.metadata.ingest_delay.FromSeconds(one.ingest_delay)
    return found


def _refuse(context: Any, why: str) -> None:  # noqa: ANN401 - gRPC's
    import grpc

    context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)
