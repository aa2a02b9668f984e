"""chipledger demo."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click

from accounting import gaps
from accounting.cli import app_, screen
from accounting.cli.judge_ import show_verdict
from accounting.errors import InputError
from accounting.ingest import Tally
from accounting.pipeline import Report
from accounting.simulate.demo import Built, Plan, build_demo, checked, day_before, existing
from accounting.simulate.remote.collecting import WITHOUT_GOOGLE, can_read_google
from accounting.simulate.verdict import judge
from accounting.stores.lake import now_ms

DEVICES, DAYS, SEED, INTERVAL = 96, 35, 7, 10


@click.command("demo")
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path("demo"), show_default=True,
              help="Where the demo's project is made; an existing demo there is shown again.")  # fmt: skip
@click.option("--devices", type=int, help=f"At least so many accelerators.  [default: {DEVICES}]")
@click.option("--days", type=int, help=f"Days of history.  [default: {DAYS}]")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day (UTC).  [default: yesterday]")
@click.option("--seed", type=int, help=f"Another number, another company.  [default: {SEED}]")
@click.option("--interval", type=int, help=f"Seconds of one sample.  [default: {INTERVAL}]")
@click.option("--no-app", is_flag=True, help="Only make it; do not start the dashboard.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=app_.PORT, show_default=True, help="Port of the dashboard."
)
def command(
    folder: Path,
    devices: int | None,
    days: int | None,
    until: datetime | None,
    seed: int | None,
    interval: int | None,
    no_app: bool,
    port: int,
) -> None:
    """Make a simulated company whose true bill is known, account it, and show it in the dashboard.

    Its clusters train, serve and idle, lose nodes and agents, and write the files that a real fleet writes. They are
    imported, run, reported, and held against the truth. The folder is a full project that you can go on with.

    \b
    Examples:
      chipledger demo
      chipledger demo --no-app --dir small --devices 24 --days 7
    """
    asked = {"devices": devices, "days": days, "seed": seed, "interval": interval,
             "until": until.date() if until else None}  # fmt: skip
    plan = _plan(folder, {name: value for name, value in asked.items() if value is not None})
    if not no_app:
        app_.check(port)
    click.echo(f"{folder}: a simulated company, {plan.first} to {plan.until}, seed {plan.seed}")
    if plan.built:
        click.echo(f"it stands already; make another with --dir, or remove {folder}")
    else:
        _build(plan, folder)
    if not no_app:
        app_.serve(folder, port)


def _build(plan: Plan, folder: Path) -> None:
    began = time.monotonic()
    with screen.progress() as tell:
        built = build_demo(plan, folder, tell)
    _show(built, folder, time.monotonic() - began)


def _plan(folder: Path, asked: dict[str, object]) -> Plan:
    """What was asked for; what was not is as in the demo that stands in `folder`, else by default."""
    standing = existing(folder)
    if standing is not None:
        differs = {n: v for n, v in asked.items() if getattr(standing, n) != v}
        if differs:
            name, value = next(iter(differs.items()))
            raise InputError(
                f"{folder}: holds a demo with --{name} {getattr(standing, name)}, not {value}; choose another --dir"
            )
        return standing
    until = day_before(now_ms())
    default = {"devices": DEVICES, "days": DAYS, "seed": SEED, "interval": INTERVAL, "until": until}
    return checked(Plan(**(default | asked)))  # type: ignore[arg-type]


def _show(built: Built, folder: Path, seconds: float) -> None:
    for what, tally, report in zip(("first run", "run after late inputs"), built.tallies, built.runs, strict=True):
        click.echo(f"{what}: {_ingested(tally)}; {_said(report)}")
    if built.closed:
        click.echo(f"between them: {built.closed}")
    for line in gaps.said(built.project.lake):
        click.echo(line)
    if not can_read_google():
        click.echo(WITHOUT_GOOGLE)
    statement, *_ = [path for path in reversed(built.reports) if path.name.count("-") == 2 and path.suffix == ".pdf"]
    click.echo(f"reports: {len(built.reports)} files, among them {statement}")
    click.echo()
    show_verdict(judge(built.project, folder), brief=True)
    click.echo()
    click.echo(
        f'made in {seconds:.0f} s; go on with: chipledger --config {folder} query "SELECT * FROM charges LIMIT 10"'
    )


def _ingested(tally: Tally) -> str:
    return f"{tally.segments:,} segments of agents, {tally.known:,} known, {len(tally.refused):,} quarantined"


def _said(report: Report) -> str:
    if report.publication is None:
        return f"nothing to do, {report.up_to_date} cluster-days are up to date"
    cost = screen.total(report.totals["cost"], report.totals["currency"], report.totals["unpriced_seconds"])
    corrected = "".join(
        f"; {one['lines']:,} corrections of closed months, {screen.money(one['cost'], one['currency'])}"
        for one in report.corrections
    )
    return (
        f"{report.days} cluster-days, {screen.hours(report.totals['device_seconds'])} accelerator-hours, {cost}; "
        f"{screen.residual(report.residual_seconds, report.residual_cost)}{corrected}"
    )
