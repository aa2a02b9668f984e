"""Counters as they are told: of which engine, process, workload and model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from collector.central.series import Series
from collector.serving.engines import COUNTERS, COUNTS, Engine, Field, Measure
from collector.serving.memory import digest
from collector.wire import Workload

LONGEST = 200
PLACE = ("cluster", "namespace", "pod", "job", "instance")


class Counter(Struct, kw_only=True):
    """A counter of one process.

    `field` is one of `wire.Served`, or '' where it only counts how often a histogram was added to; `copy` is 0 under
    the first of its measure's names. `key`, `process`, `target` and `who` tell it, the process that counts, what is
    scraped and the workload from others. Values are in whole units of a row.
    """

    engine: Engine
    field: Field | Literal[""]
    copy: int
    name: str
    labels: Mapping[str, str]
    workload: Workload
    model: str
    key: str
    process: str
    target: str
    who: str
    points: list[tuple[int, float]]


def target_of(labels: Mapping[str, str]) -> str:
    """What is scraped: one address, as long as the same pod is behind it."""
    return digest([labels.get(name, "") for name in PLACE])


def counters(found: Iterable[Series], workload_of: Callable[[Mapping[str, str]], Workload]) -> Iterator[Counter]:
    """Those of `found` that are an engine's."""
    for one in found:
        engine, measure = COUNTERS.get(one.name, (COUNTS.get(one.name), None))
        if engine is None or not one.points or (measure and not _counts(measure, one.labels)):
            continue
        workload = workload_of(one.labels)
        target = target_of(one.labels)
        process = sorted((k, v) for k, v in one.labels.items() if k not in engine.parts)
        yield Counter(
            engine=engine,
            field=measure.field if measure else "",
            copy=measure.names.index(one.name) if measure else 0,
            name=one.name,
            labels=one.labels,
            workload=workload,
            model=_model(engine, one.labels, workload),
            key=digest(one.name, sorted(one.labels.items())),
            process=digest(engine.name, process),
            target=target,
            who=digest(workload.cluster, workload.kind, workload.id, workload.uid, workload.container),
            points=_whole(one.points, measure.scale if measure else 1),
        )


def _counts(measure: Measure, labels: Mapping[str, str]) -> bool:
    return measure.only is None or labels.get(measure.only[0]) == measure.only[1]


def _model(engine: Engine, labels: Mapping[str, str], workload: Workload) -> str:
    told = (labels[name] for name in engine.model if labels.get(name))
    claimed = workload.claims.get("model") or workload.hints.get("model") or workload.id
    return next(told, claimed)[:LONGEST]


def _whole(points: list[tuple[int, float]], scale: int) -> list[tuple[int, float]]:
    """Rounded before any difference is taken, so that differences add up to the whole however they are divided."""
    return [(at, float(round(value * scale))) for at, value in points]
