"""Pages of ListTimeSeries as series: those that are split over pages are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

from msgspec import Struct


class Answer(Struct):
    """One series as Google told it: `points` are (end of the interval in Unix ms, value) in the order they came.

    `labels` are the metric's and the resource's; `user` the labels of the resource's owner, where they are told.
    `counts` are the counts of a distribution beside its sums, which are its points then.
    """

    labels: dict[str, str]
    user: dict[str, str]
    points: list[tuple[int, float]]
    counts: list[tuple[int, float]]


def joined(pages: Iterable[Any], counted: Callable[[int], None]) -> list[Answer]:
    """The series of raw (`_pb`) pages; `counted` is told how many each page has, before anything can fail."""
    found: dict[tuple[Any, ...], Answer] = {}
    for page in pages:
        counted(len(page.time_series))
        for series in page.time_series:
            metric, resource = dict(series.metric.labels), dict(series.resource.labels)
            key = (*sorted(metric.items()), None, series.resource.type, *sorted(resource.items()))
            answer = found.get(key)
            if answer is None:
                user = dict(series.metadata.user_labels)
                answer = found[key] = Answer(resource | metric, user, [], [])
            _add(answer, series.points)
    return list(found.values())


def _add(answer: Answer, points: Any) -> None:  # noqa: ANN401 - protobuf's repeated fields have no public type
    if not points:
        return
    kind = points[0].value.WhichOneof("value")
    if kind == "distribution_value":
        for point in points:
            end_ms, value = _end_ms(point), point.value.distribution_value
            answer.points.append((end_ms, value.mean * value.count))
            answer.counts.append((end_ms, value.count))
    elif kind == "double_value":
        values = [(_end_ms(point), point.value.double_value) for point in points]
        answer.points.extend([told for told in values if isfinite(told[1])])
    elif kind == "int64_value":
        answer.points.extend([(_end_ms(point), point.value.int64_value) for point in points])
    elif kind == "bool_value":
        answer.points.extend([(_end_ms(point), float(point.value.bool_value)) for point in points])


def _end_ms(point: Any) -> int:  # noqa: ANN401 - as above
    end = point.interval.end_time
    return int(end.seconds * 1000 + end.nanos // 1_000_000)
