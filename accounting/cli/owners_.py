"""chipledger owners."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click
import polars as pl

from accounting import owners
from accounting.cli import screen
from accounting.errors import InputError
from accounting.project import Project


@click.command("owners")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="'SELECTOR -> TEAM'",
    help="Preview this rule; may be given several times.",
)
@click.option(
    "--rules", "file", type=click.Path(path_type=Path), help="Preview the rules of a file, as `import teams` reads it."
)
@click.option("--mapping", type=click.Path(path_type=Path), help="Mapping of the --rules file.")
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="How many selectors to list.")
@click.pass_context
def command(ctx: click.Context, rules: tuple[str, ...], file: Path | None, mapping: Path | None, top: int) -> None:
    """List what no team owns, biggest first, each with a ready rule line; or preview who pays under more rules.

    \b
    Examples:
      chipledger owners
      chipledger owners --rule 'account=ml-* -> nlp' --rule 'namespace=search -> search'
      chipledger owners --rules teams.csv --mapping teams.toml
    """
    project = screen.project(ctx)
    if not rules and file is None:
        _list(project, top)
        return
    if file is not None and mapping is None:
        raise InputError(f"--rules {file} needs --mapping MAP.toml, as `import teams` does")
    more = [owners.parse_rules(rules), *([owners.read_rules(file, mapping)] if file and mapping else [])]
    with screen.progress() as tell:
        found = owners.preview(project, pl.concat(more), tell)
    _show(found)


def _list(project: Project, top: int) -> None:
    found = owners.unowned(project)
    if found.is_empty():
        click.echo("nothing that is published is without a team")
        return
    rows = [
        (
            r["selector"],
            f"{r['workloads']:,}",
            screen.hours(r["device_seconds"]),
            screen.money(r["cost"], r["currency"]),
            screen.hours(r["unpriced_seconds"]),
        )
        for r in found.head(top).iter_rows(named=True)
    ]
    screen.table(
        "without a team", ("selector", "workloads", "hours", "cost", "unpriced hours"), rows, right=(1, 2, 3, 4)
    )
    currency = next((c for c in found["currency"] if c), None)
    sums = _sums(found.select("device_seconds", "cost", "unpriced_seconds"))
    total = f"{screen.money(sums['cost'], currency)} + {screen.hours(sums['unpriced_seconds'])} unpriced hours"
    more = f" ({found.height - top} selectors are not shown: --top {found.height})" if found.height > top else ""
    click.echo(f"\ntotal: {screen.hours(sums['device_seconds'])} hours, {total}{more}")
    _offer(found.head(top))


def _offer(found: pl.DataFrame) -> None:
    """Rule lines; time that no workload held is the fault `unallocated_use`, and no rule can own it."""
    ownable = found.filter(pl.col("workloads") > 0)
    if ownable.height < found.height:
        click.echo(
            "\nwhere workloads is 0, devices were busy though nobody held them (fault unallocated_use): no rule fits"
        )
    if ownable.is_empty():
        return
    click.echo(
        "\nrules: put a team for TEAM, preview with --rules, "
        "then: chipledger import teams teams.csv --mapping teams.toml"
    )
    click.echo(owners.rule_lines(ownable["selector"].to_list()), nl=False)


def _show(found: owners.Preview) -> None:
    if found.waiting:
        click.echo(f"{found.waiting} cluster-days wait for a run: both sides are of the inputs as they are now")
    measures = ("device_seconds", "cost", "unpriced_seconds")
    moved = pl.any_horizontal(pl.col(m).ne_missing(pl.col(f"{m}_after")) for m in measures)
    changed = found.teams.filter(moved)
    if changed.is_empty():
        click.echo("nothing changes: the rules match no workload that another team would then own")
        return
    rows = [_cells(r["team"], r) for r in changed.iter_rows(named=True)]
    if found.teams.height > changed.height:
        rest = found.teams.filter(~moved)
        rows.append(_cells(f"{rest.height} others", _sums(rest)))
    rows.append(_cells("total", _sums(found.teams)))
    columns = ("team", "hours before", "after", "cost before", "after", "change", "unpriced hours before", "after")
    screen.table("who pays", columns, rows, right=tuple(range(1, 8)))
    click.echo("\nthe total is unchanged; nothing was written")


def _sums(teams: pl.DataFrame) -> dict[str, Decimal | None]:
    return {c.name: Decimal(c.sum()) if c.count() else None for c in teams.select(pl.exclude("team"))}


def _cells(label: str, row: dict[str, Decimal | None]) -> tuple[str, ...]:
    before, after = row["cost"], row["cost_after"]
    change = None if before is None and after is None else (after or Decimal(0)) - (before or Decimal(0))
    return (
        label, screen.hours(row["device_seconds"]), screen.hours(row["device_seconds_after"]),
        screen.money(before, None), screen.money(after, None), screen.money(change, None),
        screen.hours(row["unpriced_seconds"]), screen.hours(row["unpriced_seconds_after"]),
    )  # fmt: skip
