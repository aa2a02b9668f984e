"""chipledger-agent once."""

from __future__ import annotations

import time
from pathlib import Path

import click

from collector.cli import configured
from collector.clock import now_ms
from collector.config import Config


@click.command("once")
@click.option(
    "--seconds",
    type=click.FloatRange(0.2, 60),
    default=1.0,
    show_default=True,
    help="How long to look: activity is a mean over this time.",
)
@click.pass_context
def command(ctx: click.Context, seconds: float) -> None:
    """Show what the agent sees now: every device, what it does, and who holds it. Nothing is written down.

    \b
    Examples:
      chipledger-agent once
      chipledger-agent once --seconds 10
    """
    from collector import table
    from collector.attribution import Attribution
    from collector.central.sources import is_central
    from collector.clock import Clock
    from collector.identity.resolver import Resolver
    from collector.nvml.source import Nvml

    config = configured(ctx)
    if is_central(config):
        _sources(config)
        return
    source, clock = Nvml(processes_every=1, proc=Path(config.identity.proc)), Clock()
    try:
        first = source.tick(clock.now()[0])
        if not first.devices:
            raise click.ClickException(source.trouble or "there is no device")
        time.sleep(seconds)
        tick = source.tick(clock.now()[0])
    finally:
        source.close()
    since_ms = (tick.at.boot_ns - first.at.boot_ns) // 1_000_000
    seen = Attribution(Resolver(config.resolving)).look(tick.devices, tick.processes or (), tick.at, since_ms)
    click.echo("\n".join(table.lines(tick, seen)))


def _sources(config: Config) -> None:
    from collector.central.findings import Span, Unanswered
    from collector.central.sources import sources
    from collector.central.summary import lines

    for source, polling in sources(config, now_ms):
        end_ms = now_ms() - round(polling.delay * 1000)
        try:
            found = source.read(Span(end_ms - round(polling.every * 1000), end_ms))
        except Unanswered as error:
            raise click.ClickException(f"{source.name}: {error}") from error
        finally:
            source.close()
        click.echo("\n".join([f"{source.name}: the last {polling.every:g} s", *lines(found)]))
