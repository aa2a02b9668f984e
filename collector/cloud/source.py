"""Cloud Monitoring as a source of spans."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from collector.central.findings import Findings, Span, Stocked
from collector.central.series import Series
from collector.cloud.answers import Answer
from collector.cloud.budget import Budget
from collector.cloud.client import Client
from collector.cloud.config import CloudMonitoring
from collector.cloud.examination import examine
from collector.cloud.exported import exported
from collector.cloud.memory import Memory, kept, recalled
from collector.cloud.metrics import REQUEST, Described, described, exporters
from collector.cloud.presence import Presence
from collector.cloud.rows import activity
from collector.cloud.subjects import subjects
from collector.cloud.windows import DAY_MS, MARGIN_MS, Window, begin, finish, windows
from collector.finding import Finding
from collector.holders import Hold
from collector.prometheus.asked import InHand
from collector.prometheus.config import Prometheus
from collector.prometheus.source import PrometheusSource
from collector.rows import Happened
from collector.source import Event
from collector.wire import Group

OLD_MS = 30 * DAY_MS
"""Google is said to thin points out to one in ten minutes after six weeks."""


class Cloud:
    """One project. `now_ms` is the time by which the budget's months go.

    What Managed Prometheus has of exporters is read as from a Prometheus: each point with one span only, late ones
    never; devices that GKE itself tells of are left to GKE.
    """

    kind = "cloud_monitoring"

    def __init__(self, config: CloudMonitoring, now_ms: Callable[[], int]) -> None:
        self._in_hand = InHand()
        self._managed = PrometheusSource(Prometheus(url=_NOWHERE, cluster_label="cluster"), self._in_hand)
        self._config, self._now_ms = config, now_ms
        self._budget = Budget(config)
        self._client = Client(config, self._budget.count)
        self._memory = kept(Memory())
        self._metrics: list[Described] = []
        self._exporters: list[str] = []
        self._described_day = -1

    @property
    def name(self) -> str:
        return self._config.name or self.kind

    def read(self, span: Span) -> Findings:
        """What of the span, of late points before it and, once a day, of the day before was not told yet.

        Raises `Unanswered`, also where the month's budget is used up; then the memory is as before.
        """
        self._budget.begin(self._now_ms())
        self._describe(span)
        memory = recalled(self._memory)
        begin(memory, span)
        findings = Findings()
        for window in windows(memory, span, self._lookback_ms):
            self._read(memory, window, findings)
        self._in_hand.told = self._exported(span)
        self._managed.remember(memory.managed)
        _join(findings, self._managed.read(span))
        memory.managed = self._managed.memory()
        finish(memory, span, self._lookback_ms)
        findings.holds = _latest(findings.holds)
        findings.stocked = _joined(findings.stocked)
        memory.spent = self._budget.spent
        self._memory = kept(memory)
        return findings

    def memory(self) -> bytes:
        return self._memory

    def remember(self, memory: bytes) -> None:
        """Goes on with that memory; what reading has cost meanwhile stays counted."""
        self._memory = memory
        self._budget.recall(recalled(memory).spent)

    def examine(self) -> Iterator[Finding]:
        return examine(self._config, self._client, self._now_ms())

    def cost(self) -> str:
        return str(self._budget)

    def close(self) -> None:
        self._client.close()

    @property
    def _lookback_ms(self) -> int:
        return round(self._config.lookback * 1000)

    def _describe(self, span: Span) -> None:
        """Which metrics there are is asked once a day."""
        day = span.end_ms // DAY_MS
        if day != self._described_day:
            found = self._client.descriptors()
            self._metrics = described(found, self._config.metrics)
            self._exporters = exporters(found, self._config.metrics)
            self._described_day = day

    def _read(self, memory: Memory, window: Window, findings: Findings) -> None:
        told: list[tuple[Described, list[Answer]]] = []
        requests: list[Answer] = []
        for one in self._metrics:
            answers = self._client.series(one.metric.type, one.metric.filter, window.asked)
            findings.points += sum(len(answer.points) for answer in answers)
            if one.metric == REQUEST:
                requests = answers
            else:
                told.append((one, answers))
        old = window.asked.end_ms < self._now_ms() - OLD_MS
        found = subjects(self._config, memory, told, old=old)
        duties = {one.metric.resource for one in self._metrics if one.metric.measure == "busy"}
        findings.activity.extend(activity(memory, found.found, window.settled, duties))
        presence = Presence(self._config, memory)
        presence.devices(found.found.values())
        presence.requests(requests, window.settled)
        presence.tell(findings)
        if found.unplaced:
            said = "series of containers whose chip no node's series name"
            event = Event(kind="unattributed", uuid="", text=said, value=found.unplaced)
            findings.happened.append(Happened(window.asked.end_ms, event))

    def _exported(self, span: Span) -> list[Series]:
        window = Span(span.start_ms - MARGIN_MS, span.end_ms)
        return [
            series
            for kind in self._exporters
            for series in exported(kind, self._client.series(kind, f'metric.type = "{kind}"', window))
        ]


_NOWHERE = "http://prometheus.googleapis.com"
"""It is never asked: all series are in hand."""


def _join(findings: Findings, managed: Findings) -> None:
    """What exporters say of devices that nobody else tells of, and of serving engines."""
    known = {one.device.uuid for one in findings.activity}
    findings.activity += [one for one in managed.activity if one.device.uuid not in known]
    findings.holds += [one for one in managed.holds if one.device.uuid not in known]
    findings.counted += managed.counted
    findings.happened += managed.happened
    findings.points += managed.points


def _latest(holds: list[Hold]) -> list[Hold]:
    """Of what was told of a holding as windows went by, the last."""
    return list({(h.device.uuid, h.workload.cluster, h.workload.id, h.start_ms): h for h in holds}.values())


def _joined(stocked: list[Stocked]) -> list[Stocked]:
    """Of one group what touches is one."""
    found: list[Stocked] = []
    last: dict[tuple[Group, int], Stocked] = {}
    for stock in stocked:
        before = last.get((stock.group, stock.quantity_ppm))
        if before is not None and before.until_ms == stock.start_ms:
            before.until_ms = stock.until_ms
        else:
            last[stock.group, stock.quantity_ppm] = stock
            found.append(stock)
    return found
