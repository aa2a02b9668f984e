"""What a collector says of its sources, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collector.central.reader import Reader
from collector.metrics import Labels, Metric
from collector.ship import Shipper


def families(readers: Sequence[tuple[Reader, Shipper | None]], now_ms: int) -> list[Metric]:
    """One sample a source in each family."""

    def family(name: str, kind: str, says: str, value: Callable[[Reader], float]) -> Metric:
        samples: list[tuple[Labels, float]] = [({"source": reader.source.name}, value(reader)) for reader, _ in readers]
        return Metric(f"chipledger_source_{name}", kind, says, samples)

    pending: list[tuple[Labels, float]] = [
        ({"source": reader.source.name}, float(shipper.status().pending)) for reader, shipper in readers if shipper
    ]
    begun: list[tuple[Labels, float]] = [
        ({"source": r.source.name}, _lag(r, now_ms)) for r, _ in readers if r.progress.until_ms
    ]
    return [
        Metric("chipledger_source_lag_seconds", "gauge", "How far behind the present a source is told.", begun),
        family("up", "gauge", "1 while the source can be read.", lambda r: float(not r.progress.trouble)),
        family("spans_total", "counter", "Spans of time that were read.", lambda r: r.progress.spans),
        family("points_total", "counter", "Points or rows that were read.", lambda r: r.progress.points),
        family("rows_total", "counter", "Rows that were told.", lambda r: r.progress.rows),
        family("failures_total", "counter", "Readings that failed.", lambda r: r.progress.failures),
        family("spool_bytes", "gauge", "Bytes of the spool on disk.", lambda r: r.spool.used_bytes),
        Metric("chipledger_source_spool_segments", "gauge", "Sealed segments that wait.", pending),
    ]


def _lag(reader: Reader, now_ms: int) -> float:
    return max(0.0, (now_ms - reader.progress.until_ms) / 1000)
