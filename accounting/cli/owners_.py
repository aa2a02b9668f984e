"""chipledger owners."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import click
import polars as pl

import sql
from accounting import owners
from accounting.cli import screen
from accounting.errors import InputError
from accounting.owners import TEAM
from accounting.project import Project
from accounting.unowned import Group, Part, unowned

_FIGURES = ("hours", "cost", "unpriced hours")
_MEASURES = dict.fromkeys(("device_seconds", "cost", "unpriced_seconds"), pl.Decimal(38, 9))


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
    """List what no team owns, biggest first, each with a ready rule line and what that rule would move, from whom.

    With rules: preview who pays under them, to the cent.

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
    found = unowned(project, top)
    if not found:
        with closing(project.lake_reader()) as reader:
            published = reader.query(sql.read("commands/last_run")).height
        none = "nothing is published yet; next: chipledger run"
        click.echo("nothing that is published is without a team" if published else none)
        return
    rows = [
        (group.selector or f"({group.place})", f"{group.workloads:,}", *_figures(group, group.currency))
        for group in found[:top]
    ]
    screen.table("without a team", ("selector", "workloads", *_FIGURES), rows, right=(1, 2, 3, 4))
    sums = _sums(pl.DataFrame([{m: getattr(g, m) for m in _MEASURES} for g in found], schema=_MEASURES))
    currency = next((group.currency for group in found if group.currency), None)
    total = f"{screen.money(sums['cost'], currency)} + {screen.hours(sums['unpriced_seconds'])} unpriced hours"
    more = f" ({len(found) - top} selectors are not shown: --top {len(found)})" if len(found) > top else ""
    click.echo(f"\ntotal: {screen.hours(sums['device_seconds'])} hours, {total}{more}")
    _explain(found[:top])
    _offer([group for group in found[:top] if group.selector and group.workloads])


def _figures(of: Group | Part, currency: str | None, prefix: str = "") -> tuple[str, str, str]:
    hours = prefix + screen.hours(of.device_seconds)
    return hours, screen.money(of.cost, currency), screen.hours(of.unpriced_seconds)


def _explain(found: list[Group]) -> None:
    """Time that no workload held is the fault `unallocated_use`, and no rule can own it."""
    if any(group.workloads == 0 for group in found):
        click.echo(
            "\nwhere workloads is 0, devices were busy though nobody held them (fault unallocated_use): no rule fits"
        )
    if any(group.workloads and not group.selector for group in found):
        click.echo(
            "\nin (brackets): workloads without any fact that tells them from others: map an account, namespace, user, "
            "workload_id or `team` for these jobs, and import them again"
        )


def _offer(found: list[Group]) -> None:
    """What each rule would move, then the rule lines."""
    if not found:
        return
    click.echo()
    rows = [
        (f"{group.selector} -> {TEAM}" if first else "", _whose(part),
         *_figures(part, group.currency, "at most " * part.at_most))
        for group in found
        for first, part in zip([True, *[False] * len(group.moves)], group.moves, strict=False)
    ]  # fmt: skip
    screen.table(f"what each rule would move to {TEAM}", ("rule", "from", *_FIGURES), rows, right=(2, 3, 4))
    for group in found:
        if group.clash:
            why = f"it would contradict {group.clash}: end that one, or give yours a priority"
            click.echo(f"\n{group.selector}: no rule line, {why}")
    click.echo(
        f"\nrules: put a team for {TEAM}, preview with --rules what everybody then pays, "
        "then: chipledger import teams teams.csv --mapping teams.toml"
    )
    click.echo(owners.rule_lines([str(group.selector) for group in found if not group.clash]), nl=False)


def _whose(part: Part) -> str:
    return {"claim": f"{part.team} (the jobs' own word)", "fact": f"{part.team} (a rule)"}.get(part.status, part.team)


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
