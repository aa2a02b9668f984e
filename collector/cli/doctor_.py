"""chipledger-agent doctor."""

from __future__ import annotations

import sys

import click

from collector.cli import configured

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look at everything that the agent depends on, and say what is missing and what to do.

    Exit status 1 where something fails; what is only a warning makes the records poorer, not wrong.

    \b
    Examples:
      chipledger-agent doctor
      chipledger-agent --set inbox.url=/mnt/inbox doctor
    """
    from collector.doctor import examine
    from collector.table import plain

    grades = []
    for finding in examine(configured(ctx)):
        grades.append(finding.grade)
        mark = click.style(f"{finding.grade:<4}", fg=_COLORS[finding.grade])
        remedy = f"\n     → {finding.remedy}" if finding.remedy and finding.grade != "ok" else ""
        click.echo(f"{mark} {finding.about}: {plain(finding.says)}{remedy}")
    sys.exit(1 if "fail" in grades else 0)
