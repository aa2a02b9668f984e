"""Google's client of Cloud Monitoring, and what its errors mean to the user."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.monitoring_v3 import (
    ListMetricDescriptorsRequest,
    ListTimeSeriesRequest,
    MetricServiceClient,
    TimeInterval,
)
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

from collector.central.findings import Span, Unanswered
from collector.cloud.answers import Answer, joined
from collector.cloud.config import CloudMonitoring
from collector.cloud.metrics import PREFIXES, Descriptor

T = TypeVar("T")

PAGE_POINTS = 100_000
"""The most that Google returns at once."""

_PASSING = (
    exceptions.ServiceUnavailable,
    exceptions.ResourceExhausted,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
)
"""Google's own default retries the first only."""


class Client:
    """Asks one project; every method raises `Unanswered`. `counted` is told how many series an answer had."""

    def __init__(
        self, config: CloudMonitoring, counted: Callable[[int], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config, self._counted, self._clock = config, counted, clock
        self._name = f"projects/{config.project}"
        self._client: MetricServiceClient | None = None

    def descriptors(self) -> list[Descriptor]:
        """Those of the groups that are read."""
        prefixes = [prefix for group in self._config.metrics for prefix in PREFIXES[group]]
        return self._ask("metricDescriptors", lambda: [one for prefix in prefixes for one in self._described(prefix)])

    def series(self, metric: str, chosen: str, window: Span, *, counted: bool = True) -> list[Answer]:
        """Every series of a metric that the filter `chosen` lets through, with its raw points in `(start, end]`."""
        request = ListTimeSeriesRequest(
            name=self._name,
            filter=chosen,
            interval=TimeInterval(start_time=_instant(window.start_ms), end_time=_instant(window.end_ms)),
            view=ListTimeSeriesRequest.TimeSeriesView.FULL,
            page_size=PAGE_POINTS,
        )
        return self._ask(metric, lambda: joined(self._pages(metric, request), self._counted if counted else _free))

    def close(self) -> None:
        """Ends the connection."""
        if self._client is not None:
            self._client.transport.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _pages(self, metric: str, request: ListTimeSeriesRequest) -> Iterator[Any]:
        until = self._clock() + self._config.timeout
        pager = self._opened().list_time_series(request=request, retry=self._retry(), timeout=self._config.timeout)
        for page in pager.pages:
            raw = type(page).pb(page)
            yield raw
            if raw.execution_errors:
                raise Unanswered(f"{metric}: only a part was answered ({raw.execution_errors[0].message}); asked again")
            if self._clock() > until and raw.next_page_token:
                raise Unanswered(
                    f"{metric}: not read within {self._config.timeout:g} s; set a longer `timeout` or a shorter `span`"
                )

    def _described(self, prefix: str) -> list[Descriptor]:
        request = ListMetricDescriptorsRequest(name=self._name, filter=f'metric.type = starts_with("{prefix}")')
        pager = self._opened().list_metric_descriptors(
            request=request, retry=self._retry(), timeout=self._config.timeout
        )
        return [
            _descriptor(type(page).pb(page), i) for page in pager.pages for i in range(len(page.metric_descriptors))
        ]

    def _retry(self) -> Retry:
        return Retry(
            predicate=if_exception_type(*_PASSING),
            initial=0.5,
            maximum=30,
            multiplier=2,
            timeout=self._config.timeout,
        )

    def _opened(self) -> MetricServiceClient:
        if self._client is None:
            self._client = _client(self._config)
        return self._client

    def _ask(self, about: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except (exceptions.GoogleAPIError, GoogleAuthError) as error:
            raise Unanswered(f"{self._name}: {about}: {_explained(error, self._config)}") from error


def _client(config: CloudMonitoring) -> MetricServiceClient:
    if not config.plaintext:
        options = ClientOptions(api_endpoint=config.endpoint or None)
        return MetricServiceClient(client_options=options, transport="grpc")
    channel = grpc.insecure_channel(config.endpoint, options=[("grpc.max_receive_message_length", -1)])
    return MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))


def _descriptor(page: Any, at: int) -> Descriptor:  # noqa: ANN401 - a raw page
    found = page.metric_descriptors[at]
    return Descriptor(
        type=found.type,
        unit=found.unit,
        sample_ms=found.metadata.sample_period.ToMilliseconds(),
        ingest_delay_ms=found.metadata.ingest_delay.ToMilliseconds(),
    )


def _instant(at_ms: int) -> dict[str, int]:
    return {"seconds": at_ms // 1000, "nanos": at_ms % 1000 * 1_000_000}


def _free(_: int) -> None:
    """Nothing is counted: for answers that are not charged to the budget."""


def _explained(error: Exception, config: CloudMonitoring) -> str:
    cause = error.cause if isinstance(error, exceptions.RetryError) else error
    said = str(getattr(cause, "message", cause)).strip().splitlines()[:1] or [type(cause).__name__]
    remedies: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
        (exceptions.PermissionDenied, f"grant roles/monitoring.viewer on the project {config.project}"),
        (exceptions.NotFound, "check `project`, and that the Cloud Monitoring API is enabled there"),
        (
            (exceptions.Unauthenticated, GoogleAuthError),
            "run where there is a service account, or `gcloud auth application-default login`",
        ),
        (exceptions.InvalidArgument, "the query was refused; check `project` and `metrics`, and tell us"),
        (exceptions.ResourceExhausted, "the project's quota is used up; raise `every`, or the quota"),
        (_PASSING, f"not answered within {config.timeout:g} s; asked again, or check `endpoint` and the network"),
    )
    remedy = next((text for kinds, text in remedies if isinstance(cause, kinds)), "asked again")
    return f"{said[0]}: {remedy}"
