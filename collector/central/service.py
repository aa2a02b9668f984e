"""A collector beside no node: its sources, each read in a thread of its own, as one service."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from collector.central import metrics
from collector.central.cursor import Damaged
from collector.central.findings import Source, Span, Unanswered
from collector.central.polling import Polling
from collector.central.reader import Reader
from collector.clock import boot_ns, now_ms
from collector.config import Config, Misconfigured
from collector.metrics import Server, exposition
from collector.node import agent_id, boot_id, clock_synchronized
from collector.service import GRACE_S, Say, limits_of, server_of, shipper_of
from collector.ship import Shipping
from collector.spool.spool import Spool
from collector.stop import Stop
from collector.wire import Header

Sources = Sequence[tuple[Source, Polling]]


class Collector:
    """All sources of one configuration; raises `Misconfigured`, `SpoolError` and `OSError`."""

    def __init__(self, config: Config, sources: Sources, say: Say, version: str) -> None:
        self.config, self.say = config, say
        self._stop = Stop()
        names = [source.name for source, _ in sources]
        if len(set(names)) < len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise Misconfigured(f"two sources have the name {double}: give one of them another `name`")
        self.readers = [_reader(config, source, polling, version) for source, polling in sources]
        self.shippers = [shipper_of(config, reader.spool) for reader in self.readers]
        self.server: Server | None = None

    def run(self) -> None:
        """Reads on until SIGTERM or SIGINT; then everything is sealed and sent if possible."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        self.server = server_of(self.config, self.text, self.wrong)
        for shipper in self.shippers:
            if shipper:
                shipper.start()
        threads = [
            threading.Thread(target=self._read, args=(r,), name=r.source.name, daemon=True) for r in self.readers
        ]
        for thread in threads:
            thread.start()
        try:
            while not self._stop.told:
                self._stop.wait(60)
        finally:
            for thread in threads:
                thread.join(GRACE_S)
            self.close(threads)

    def collect(self, span: Span, progress: Callable[[str, int], None]) -> None:
        """Reads a stretch of the past and sends it; `progress` is told how many ms more of a source are done.

        What `run` remembers stays as it is. Raises `Unanswered` where a source does not answer after several tries,
        `Unavailable` where the inbox does not, and `SpoolError` and `OSError`.
        """
        try:
            for reader, shipper in zip(self.readers, self.shippers, strict=True):
                reader.begin(span.start_ms)
                for part in _parts(span, reader.polling):
                    _insist(reader, part, self._stop)
                    progress(reader.source.name, part.end_ms - part.start_ms)
                    reader.spool.seal()
                    while shipper and shipper.ship():
                        pass
        finally:
            for reader in self.readers:
                reader.source.close()
                reader.spool.close()

    def close(self, threads: Sequence[threading.Thread]) -> None:
        """Seals what is told and sends it if the inbox takes it in time; a source that hangs is left alone."""
        hanging = {thread.name for thread in threads if thread.is_alive()}
        for reader, shipper in zip(self.readers, self.shippers, strict=True):
            if reader.source.name in hanging:
                self.say("warning", f"{reader.source.name}: hangs in a call: it was left alone")
                continue
            reader.spool.seal()
            if shipper:
                self._say_what_stays(reader, shipper.finish(GRACE_S))
            reader.source.close()
            reader.spool.close()
        if self.server:
            self.server.close()

    def wrong(self) -> str:
        """What is wrong at this moment; '' where all is well."""
        troubles = [f"{r.source.name}: {r.progress.trouble}" for r in self.readers if r.progress.trouble]
        unsent = [s.status().last_error for s in self.shippers if s and s.status().last_error]
        if unsent:
            troubles.append(f"segments wait in the spool, the inbox takes none: {unsent[0]}")
        return "; ".join(troubles)

    def text(self) -> str:
        """The metrics of this moment."""
        both = list(zip(self.readers, self.shippers, strict=True))
        return exposition(metrics.families(both, now_ms()))

    def _read(self, reader: Reader) -> None:
        said = ""
        while not self._stop.told:
            wait_s = reader.step()
            trouble = reader.progress.trouble
            if trouble != said:
                self.say("warning" if trouble else "info", f"{reader.source.name}: {trouble or 'all is well again'}")
                said = trouble
            if wait_s:
                self._stop.wait(wait_s)

    def _say_what_stays(self, reader: Reader, shipping: Shipping) -> None:
        if shipping.pending:
            why = f": {shipping.last_error}" if shipping.last_error else ""
            self.say(
                "warning",
                f"{reader.source.name}: {shipping.pending} segments stay in the spool until the next start{why}",
            )

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop.tell()


def _reader(config: Config, source: Source, polling: Polling, version: str) -> Reader:
    folder = Path(config.spool.path) / source.name
    limits = limits_of(config)
    spool = Spool(folder, header_of(config, source, polling, version), limits)
    try:
        return Reader(source, polling, spool, folder, limits.most_bytes, now_ms)
    except Damaged as error:
        spool.close()
        raise Misconfigured(str(error)) from error


def header_of(config: Config, source: Source, polling: Polling, version: str) -> Header:
    """What every segment says of its source."""
    return Header(
        agent=agent_id(source.name, polling.cluster),
        stream="",
        first=1,
        node=config.node_name,
        cluster=polling.cluster,
        pool=polling.pool,
        provider=polling.provider,
        region=polling.region,
        purchase=polling.purchase,
        boot=boot_id(),
        software=f"chipledger-agent {version}",
        wall_ms=now_ms(),
        boot_ns=boot_ns(),
        synced=clock_synchronized(),
        source=source.kind,
    )


def _parts(span: Span, polling: Polling) -> Iterator[Span]:
    length = round(polling.span * 1000)
    for start in range(span.start_ms, span.end_ms, length):
        yield Span(start, min(span.end_ms, start + length))


def _insist(reader: Reader, span: Span, stop: Stop) -> None:
    memory = reader.source.memory()
    for wait_s in (1, 5):
        try:
            reader.take(span, keep=False)
        except Unanswered:
            reader.source.remember(memory)
            stop.wait(wait_s)
        else:
            return
    reader.take(span, keep=False)
