"""The agent as a service: its parts from the configuration, the loop, signals, and what it says while it runs."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from collector import metrics
from collector.agent import Agent
from collector.clock import Clock, boot_ns, wall_ns
from collector.config import Config, Misconfigured, address
from collector.health import families, wrong
from collector.identity.resolver import Resolver
from collector.inbox import open_inbox
from collector.node import agent_id, boot_id, clock_synchronized, first_start, keep_instant, kept_instant
from collector.nvml.errors import Restart
from collector.nvml.source import Nvml
from collector.nvml.watch import Watch
from collector.ship import Shipper, Shipping
from collector.spool.errors import SpoolError
from collector.spool.limits import Limits
from collector.spool.spool import Spool
from collector.stop import Stop
from collector.wire import Header

Say = Callable[[str, str], None]
"""Told a level (info, warning, error) and a line."""

GRACE_S = 5.0
"""How long the last segment and a hanging driver are waited for at the end."""

MOST_FAILED = 60
"""So many periods in a row that end in an error of the agent itself: a new process may do better."""


class Service:
    """All parts of one agent; `run` returns when the process is told to stop."""

    def __init__(self, config: Config, say: Say, version: str) -> None:
        self.config, self.say = config, say
        self._told, self._kept_ms = Path(config.spool.path) / "told", 0
        period = config.sample.period
        self.source = Nvml(
            processes_every=max(1, round(config.sample.processes / period)),
            proc=Path(config.identity.proc),
        )
        self.spool = Spool(Path(config.spool.path), header_of(config, version), limits_of(config))
        self.shipper = shipper_of(config, self.spool)
        self.watch = Watch(self.source)
        self.resolver = Resolver(config.resolving)
        self.agent = Agent(
            self.watch,
            self.resolver,
            self.spool,
            Clock(),
            round(period * 1000),
            config.sample.window * 1000,
            self._since(wall_ns() // 1_000_000),
        )
        self._stop = Stop()
        self._trouble = self._failure = ""
        self._failed = 0
        self.server = server_of(config, self.text, self.wrong)

    def run(self) -> None:
        """Once a period a step, until SIGTERM or SIGINT; then everything is told, sealed and sent if possible.

        Raises `nvml.errors.Restart` where only a new process reaches the driver.
        """
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGUSR1, self._on_release)
        signal.signal(signal.SIGUSR2, self._on_acquire)
        if self.shipper:
            self.shipper.start()
        try:
            self._loop()
        finally:
            self.close()

    def close(self) -> None:
        """Tells what is known, seals it, and sends it if the inbox takes it in time."""
        try:
            self.agent.close()
            self._keep_told()
        except SpoolError as error:
            self.say("error", str(error))
        self.spool.seal()
        if self.shipper:
            self._say_what_stays(self.shipper.finish(GRACE_S))
        if not self.watch.close(GRACE_S):
            self.say("warning", "the driver hangs in a call: it was left alone")
        self.resolver.close()
        if self.server:
            self.server.close()
        self.spool.close()

    def _loop(self) -> None:
        period = self.config.sample.period
        due = time.monotonic()
        while not self._stop.told:
            self._step()
            self._report()
            due = max(due + period, time.monotonic())
            self._stop.wait(due - time.monotonic())

    def _since(self, now_ms: int) -> int:
        """Before this nothing is to be told of holdings: no agent was here, or it has told already."""
        told_ms = kept_instant(self._told)
        return max(first_start(self._told.with_name("since"), now_ms), told_ms if told_ms <= now_ms else 0)

    def _keep_told(self) -> None:
        """Remembers for the next agent how far this one has told; without it, it tells again what was told."""
        if self.agent.told_ms == self._kept_ms:
            return
        self._kept_ms = self.agent.told_ms
        try:
            keep_instant(self._told, self._kept_ms)
        except OSError as error:
            self.say("warning", f"{self._told}: {error.strerror}")

    def _step(self) -> None:
        """One period; an error of our own costs this period, is said and counted, and ends the agent if it stays."""
        try:
            self.agent.step()
            self._keep_told()
        except SpoolError as error:
            self.say("error", str(error))
        except Restart:
            raise
        except Exception as error:
            self.agent.counters.failed_steps += 1
            self._failed += 1
            self._failure = _place(error)
            if self._failed >= MOST_FAILED:
                raise
        else:
            self._failed, self._failure = 0, ""

    def _report(self) -> None:
        """Says what went wrong when it begins and when it is over, not every second."""
        now = self.wrong()
        if now != self._trouble:
            self.say("warning" if now else "info", now or "all is well again")
            self._trouble = now

    def _say_what_stays(self, shipping: Shipping) -> None:
        if shipping.pending:
            why = f": {shipping.last_error}" if shipping.last_error else ""
            self.say("warning", f"{shipping.pending} segments stay in the spool until the next start{why}")

    def wrong(self) -> str:
        """What is wrong at this moment; '' where all is well."""
        shipping = self.shipper.status() if self.shipper else None
        return self._failure or wrong(self.agent, shipping, self.source.trouble, boot_ns())

    def text(self) -> str:
        """The metrics of this moment."""
        shipping = self.shipper.status() if self.shipper else None
        found = [*families(self.agent, self.spool.status(), shipping, boot_ns())]
        if self.agent.latest is not None:
            found += metrics.devices(self.agent.latest, self.agent.energy_mj)
        return metrics.exposition(found)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop.tell()

    def _on_release(self, number: int, frame: FrameType | None) -> None:
        self.source.release()

    def _on_acquire(self, number: int, frame: FrameType | None) -> None:
        self.source.acquire()


def _place(error: Exception) -> str:
    """An error of the agent itself and where it was raised, in one line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"a bug, please report it: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"


def header_of(config: Config, version: str) -> Header:
    """What every segment says of this node."""
    node = config.node
    return Header(
        agent=agent_id(config.node_name, node.cluster),
        stream="",
        first=1,
        node=config.node_name,
        cluster=node.cluster,
        pool=node.pool,
        provider=node.provider,
        region=node.region,
        purchase=node.purchase,
        boot=boot_id(),
        software=f"chipledger-agent {version}",
        wall_ms=wall_ns() // 1_000_000,
        boot_ns=boot_ns(),
        synced=clock_synchronized(),
        window_ms=config.sample.window * 1000,
    )


def limits_of(config: Config) -> Limits:
    """The spool's bounds."""
    most = config.spool.max_mb * 1_000_000
    return Limits(
        most_bytes=most,
        least_bytes=min(most, Limits().least_bytes),
        free_share=config.spool.keep_free / 100,
        seal_after_s=config.spool.seal_minutes * 60,
    )


def shipper_of(config: Config, spool: Spool) -> Shipper | None:
    """Who sends the spool's segments to the inbox; None where none is configured. Raises `Misconfigured`."""
    if not config.inbox.url:
        return None
    try:
        return Shipper(spool, open_inbox(config.inbox.url))
    except ValueError as error:
        raise Misconfigured(str(error)) from error


def server_of(config: Config, text: Callable[[], str], wrong: Callable[[], str]) -> metrics.Server | None:
    """The server of `/metrics`; None where none is configured. Raises `Misconfigured`."""
    if not config.metrics.listen:
        return None
    host, port = address(config.metrics.listen)
    try:
        return metrics.Server(host, port, text, wrong)
    except OSError as error:
        raise Misconfigured(f"metrics.listen: {config.metrics.listen}: {error.strerror}") from error
