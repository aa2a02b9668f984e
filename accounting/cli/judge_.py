"""chipledger judge."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from accounting.cli import screen
from accounting.simulate.verdict import Verdict, judge

FAILED = 1


@click.command("judge")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.pass_context
def command(ctx: click.Context, folder: Path | None) -> None:
    """Hold what is published against the truth of a simulated company, in FOLDER or the project's own folder.

    Cost must agree exactly where allocation decides; busy time within 0.1 %; time of a state within what records of that
    length can blur. Exit status 1 where it does not.

    \b
    Examples:
      chipledger --config demo judge
      chipledger judge ../fleet
    """
    project = screen.project(ctx)
    verdict = judge(project, folder or project.config.folder)
    show_verdict(verdict, brief=False)
    if verdict.failures:
        sys.exit(FAILED)


def show_verdict(verdict: Verdict, *, brief: bool) -> None:
    """Hours by state against truth; unless `brief` also the bill, busy time, and what the inputs could not tell."""
    rows = [(r["state"], f"{r['truth']:,.3f}", f"{r['accounted']:,.3f}", f"{r['difference']:+,.3f}", f"{r['allowed']:,.3f}")
            for r in verdict.states.iter_rows(named=True)]  # fmt: skip
    columns = ("state", "true hours", "accounted", "difference", "allowed")
    screen.table("hours by state, against the truth", columns, rows, right=(1, 2, 3, 4))
    if not brief:
        _show_bill(verdict)
        _show_busy(verdict)
        _show_really(verdict)
    click.echo()
    off = verdict.bill["difference"].abs().sum() + verdict.unheld["difference"].abs().sum()
    click.echo(f"cost against the truth: {verdict.bill.height} teams and models, differences add up to {off:.9f}")
    for failure in verdict.failures:
        click.echo(f"wrong: {failure}", err=True)
    if not verdict.failures:
        click.echo("the accounting agrees with the truth")


def _show_bill(verdict: Verdict) -> None:
    rows = [(r["team"], r["model"], f"{r['truth']:,.2f}", f"{r['accounted']:,.2f}", f"{r['difference']:+.9f}",
             f"{r['idle_truth']:,.2f}", f"{r['idle_accounted']:,.2f}") for r in verdict.bill.iter_rows(named=True)]  # fmt: skip
    click.echo()
    columns = ("team", "model", "true cost", "accounted", "difference", "idle, true", "idle")
    screen.table("cost of what was held, by holder", columns, rows, right=(2, 3, 4, 5, 6))
    rows = [(r["cluster"], r["pool"], f"{r['truth']:,.2f}", f"{r['accounted']:,.2f}", f"{r['difference']:+.9f}")
            for r in verdict.unheld.iter_rows(named=True)]  # fmt: skip
    click.echo()
    columns = ("cluster", "pool", "true cost", "accounted", "difference")
    screen.table("cost of what nobody held", columns, rows, right=(2, 3, 4))


def _show_busy(verdict: Verdict) -> None:
    rows = [(r["cluster"], f"{r['truth']:,.3f}", f"{r['accounted']:,.3f}", f"{r['difference']:+.4%}")
            for r in verdict.busy.iter_rows(named=True)]  # fmt: skip
    click.echo()
    screen.table("busy hours, where observed", ("cluster", "true", "accounted", "difference"), rows, right=(1, 2, 3))


def _show_really(verdict: Verdict) -> None:
    click.echo()
    rows = [(r["state"], f"{r['hours']:,.3f}") for r in verdict.really.iter_rows(named=True)]
    screen.table("what the time truly was (these inputs tell less)", ("state", "hours"), rows, right=(1,))
