"""chipledger-agent run."""

from __future__ import annotations

import sys
from importlib.metadata import version

import click

from collector.cli import configured

RESTART = 75
"""Exit status where only a new process reaches the driver again (EX_TEMPFAIL): a supervisor starts it anew."""


@click.command("run")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Read the devices once a period, write down who held them and what they did, and send it to the inbox.

    Runs until SIGTERM. SIGUSR1 lets the driver go, so that it can be unloaded; SIGUSR2 takes it again. Exit status 75:
    the driver was replaced by another version, and a new process is needed.

    \b
    Examples:
      chipledger-agent run
      chipledger-agent --set inbox.url=gs://my-inbox --set node.cluster=train run
    """
    from collector.nvml.errors import Restart
    from collector.service import Service
    from collector.spool.errors import SpoolError

    config = configured(ctx)
    try:
        service = Service(config, _say, version("chipledger"))
    except (SpoolError, OSError) as error:
        raise click.ClickException(str(error)) from error
    _say("info", f"reading every {config.sample.period:g} s, writing to {config.spool.path}, "
                 f"sending to {config.inbox.url or 'nowhere (inbox.url is not set)'}")  # fmt: skip
    try:
        service.run()
    except Restart as error:
        _say("error", str(error))
        sys.exit(RESTART)


def _say(level: str, line: str) -> None:
    click.echo(f"{level}: {line}", err=True)
