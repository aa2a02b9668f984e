"""chipledger judge."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import polars as pl

from accounting.cli import screen
from accounting.simulate.remote import verdict as remote
from accounting.simulate.remote.fleet import INTERVAL
from accounting.simulate.verdict import Verdict, judge

FAILED = 1
Columns = tuple[tuple[str, str, str], ...]
"""Heading, column and format of each; what has a format is a figure."""
HOURS: Columns = (("true hours", "truth", ",.3f"), ("accounted", "accounted", ",.3f"))
COST: Columns = (
    ("true cost", "truth", ",.2f"),
    ("accounted", "accounted", ",.2f"),
    ("difference", "difference", "+.9f"),
)
IDLE: Columns = (("idle, true", "idle_truth", ",.2f"), ("idle", "idle_accounted", ",.2f"))


@click.command("judge")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.pass_context
def command(ctx: click.Context, folder: Path | None) -> None:
    """Hold what is published against the truth of a simulated company, in FOLDER or the project's own folder.

    Cost must agree exactly where allocation decides; busy time within 0.1 %; time of a state within what records of
    that length can blur. Exit status 1 where it does not.

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
    """Hours by state, and tokens, against truth; unless `brief` also cost, busy time, and what no input could tell."""
    states = (_word("state"), *HOURS, ("difference", "difference", "+,.3f"), ("allowed", "allowed", ",.3f"))
    _show("hours by state, against the truth", verdict.states, states)
    if not brief:
        _show("cost of what was held, by holder", verdict.bill, (_word("team"), _word("model"), *COST, *IDLE))
        _show("cost of what nobody held", verdict.unheld, (_word("cluster"), _word("pool"), *COST))
        _show("cost of what could not be used, by bearer", verdict.overhead, (_word("team"), *COST))
        share = ("difference", "difference", "+.4%")
        _show("busy hours, where observed", verdict.busy, (_word("cluster"), *HOURS, share))
        parts = (_word("team"), _word("model"), *HOURS, share)
        _show("busy hours of who shares devices, told apart by agents", verdict.parts, parts)
        faults = (_word("fault"), ("true", "truth", ",.3f"), HOURS[1], *states[3:])
        _show("faults: hours, samples, and batches", verdict.faults, faults)
        truly = (_word("state"), ("hours", "hours", ",.3f"))
        _show("what the time truly was (these inputs tell less)", verdict.really, truly)
        models = (_word("model"), ("busy hours", "hours", ",.3f"))
        _show("models that share a server (no input tells them apart)", verdict.served, models)
    if verdict.bills.height:
        amounts = (("invoice", "total"), ("unused commitment", "unused"), ("credits", "credits"))
        _show(
            "Google's invoices, and the charges of their months",
            verdict.bills,
            (_word("month"), *_told(amounts, ",.2f")),
        )
    _show_remote(verdict.remote, brief=brief)
    count = verdict.bill.height + verdict.unheld.height + verdict.overhead.height
    click.echo(f"cost against the truth: {count} figures, differences add up to {verdict.misbilled:.9f}")
    for failure in verdict.failures:
        click.echo(f"wrong: {failure}", err=True)
    if not verdict.failures:
        click.echo("the accounting agrees with the truth")


def _show_remote(verdict: remote.Verdict, *, brief: bool) -> None:
    """What APIs tell: exact where they count, else within one sampling interval for each start and end."""
    if not verdict.states.height:
        return
    cluster, off = _word("cluster"), ("difference", "difference", "+,.3f")
    allowed = ("allowed", "allowed", ",.3f")
    _show("only APIs tell of these: hours by state", verdict.states, (cluster, _word("state"), *HOURS, off, allowed))
    if not brief:
        cost = (*COST[:2], ("difference", "difference", "+,.3f"), allowed)
        _show("cost by holder (-: of what nobody held)", verdict.bill, (cluster, _word("team"), _word("model"), *cost))
        _show("busy hours, where observed", verdict.busy, (cluster, *HOURS, ("difference", "difference", "+.4%")))
    counts = (("requests", "requests"), ("input", "input_tokens"), ("output", "output_tokens"))
    _show("served: requests, tokens of input and output", verdict.tokens, (_word("model"), *_told(counts, ",")))
    hours = (("quota", "quota"), ("used", "used"), ("borrowed", "borrowed"))
    _show("queues: accelerator-hours", verdict.quotas, (_word("queue"), *_told(hours, ",.3f"), allowed))
    click.echo(f"allowed there: one sample ({INTERVAL // 1000} s) for each start and each end; tokens: nothing")


def _told(figures: tuple[tuple[str, str], ...], spec: str) -> Columns:
    """What is true, by its heading, and beside it what was accounted."""
    return tuple(
        (heading, name, spec) for said, of in figures for heading, name in ((said, of), ("accounted", f"{of}_told"))
    )


def _word(name: str) -> tuple[str, str, str]:
    return name, name, ""


def _show(title: str, frame: pl.DataFrame, columns: Columns) -> None:
    rows = [[format(row[name], spec) if spec else row[name] for _, name, spec in columns]
            for row in frame.iter_rows(named=True)]  # fmt: skip
    right = tuple(n for n, (_, _, spec) in enumerate(columns) if spec)
    screen.table(title, [heading for heading, _, _ in columns], rows, right=right)
    click.echo()
