"""chipledger check."""

from __future__ import annotations

import click

import sql
from accounting import checks, pipeline
from accounting.cli import screen
from accounting.errors import Refused


@click.command("check")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Check what is published against the inputs, as every run does before it publishes.

    Days whose inputs changed since they were published are reported as not up to date, and not checked.
    """
    project = screen.project(ctx)
    inventory, spans, todo, clean = pipeline.pending(project.config)
    verdict = checks.check_published(
        project.lake, inventory, spans, project.config.policies, skip={(d.span.cluster, d.day) for d in todo}
    )
    failed = {f.check: f for f in verdict.failures}
    for name in sql.names("checks"):
        check = name.rpartition("/")[2]
        click.echo(
            f"{'FAIL' if check in failed else 'ok  '}  {check}" + (f": {failed[check]}" if check in failed else "")
        )
    click.echo(f"{clean} cluster-days checked, {len(todo)} not up to date")
    click.echo(screen.residual(verdict.residual_seconds, verdict.residual_cost))
    if failed:
        raise Refused(f"{len(failed)} checks failed")
