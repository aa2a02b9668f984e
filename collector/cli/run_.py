"""chipledger-agent run."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from collector.cli import configured
from collector.clock import now_ms
from collector.config import Config

if TYPE_CHECKING:
    from collector.central.findings import Span
    from collector.central.service import Collector

RESTART = 75
"""Exit status where only a new process reaches the driver again (EX_TEMPFAIL): a supervisor starts it anew."""


_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@click.command("run")
@click.option("--from", "first", type=click.DateTime(_TIMES),
              help="Collect a stretch of the past from here (UTC), and end; of a collector's sources.")  # fmt: skip
@click.option("--to", "last", type=click.DateTime(_TIMES), help="Up to here (UTC).  [default: now]")
@click.pass_context
def command(ctx: click.Context, first: datetime | None, last: datetime | None) -> None:
    """Read the devices once a period, write down who held them and what they did, and send it to the inbox.

    Where the configuration names Prometheus, Cloud Monitoring or Slurm these are read instead, and no device.

    Runs until SIGTERM. SIGUSR1 lets the driver go, so that it can be unloaded; SIGUSR2 takes it again. Exit status 75:
    the driver was replaced by another version, and a new process is needed.

    \b
    Examples:
      chipledger-agent run
      chipledger-agent --set inbox.url=gs://my-inbox --set node.cluster=train run
      chipledger-agent --set prometheus.url=http://prometheus:9090 --set inbox.url=/mnt/inbox run
      chipledger-agent --config collector.toml run --from 2026-10-01 --to 2026-11-01
    """
    from collector.central.sources import is_central

    config = configured(ctx)
    if is_central(config):
        _collect(config, first, last)
    elif first or last:
        raise click.UsageError("--from and --to: only the sources of a collector can be asked for the past")
    else:
        _record(config)


def _collect(config: Config, first: datetime | None, last: datetime | None) -> None:
    from collector.central.findings import Unanswered
    from collector.central.service import Collector
    from collector.central.sources import sources
    from collector.inbox import Unavailable
    from collector.spool.errors import SpoolError

    try:
        collector = Collector(config, sources(config, now_ms), _say, version("chipledger"))
        names = ", ".join(reader.source.name for reader in collector.readers)
        _say("info", f"reading {names}, writing to {config.spool.path}, {_destination(config)}")
        if first is None and last is None:
            collector.run()
        else:
            _past(collector, _span(first, last))
    except (Unanswered, Unavailable, SpoolError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _past(collector: Collector, span: Span) -> None:
    length = (span.end_ms - span.start_ms) * len(collector.readers)
    with click.progressbar(length=length, label="collecting", file=sys.stderr) as bar:
        collector.collect(span, lambda _, ms: bar.update(ms))
    for reader in collector.readers:
        done, cost = reader.progress, reader.source.cost()
        _say("info", f"{reader.source.name}: {done.points:,} points read, {done.rows:,} rows told"
                     + (f"; {cost}" if cost else ""))  # fmt: skip


def _span(first: datetime | None, last: datetime | None) -> Span:
    from collector.central.findings import Span

    if first is None:
        raise click.UsageError("--to: say from when on, with --from")
    end_ms = now_ms() if last is None else _ms(last)
    if end_ms <= _ms(first):
        raise click.UsageError("--to: not after --from")
    return Span(_ms(first), end_ms)


def _ms(instant: datetime) -> int:
    return int(instant.replace(tzinfo=UTC).timestamp() * 1000)


def _destination(config: Config) -> str:
    return f"sending to {config.inbox.url or 'nowhere (inbox.url is not set)'}"


def _record(config: Config) -> None:
    from collector.nvml.errors import Restart
    from collector.service import Service
    from collector.spool.errors import SpoolError

    try:
        service = Service(config, _say, version("chipledger"))
    except (SpoolError, OSError) as error:
        raise click.ClickException(str(error)) from error
    _say("info", f"reading every {config.sample.period:g} s, writing to {config.spool.path}, "
                 f"{_destination(config)}")  # fmt: skip
    try:
        service.run()
    except Restart as error:
        _say("error", str(error))
        sys.exit(RESTART)


def _say(level: str, line: str) -> None:
    click.echo(f"{level}: {line}", err=True)
