"""Whose a workload is: a trusted rule on facts, else the job's own word, else nobody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from accounting.core.selector import Selector, parse, regex
from accounting.errors import InputError

FOREVER = 1 << 42
FACTS = ("cluster", "pool", "namespace", "account", "user", "node", "accelerator", "workload_id", "model")


@dataclass(frozen=True, slots=True)
class Rule:
    """A team rule in force over `[start, end)` ms.

    `rank` orders competing rules, the greatest wins; of equal ones on the same facts, the one with more letters.
    """

    selector: Selector
    team: str
    cost_center: str | None
    start: int
    end: int
    rank: tuple[int, ...]
    place: str

    def covers(self, at: int) -> bool:
        return self.start <= at < self.end


def rules(teams: pl.DataFrame) -> list[Rule]:
    """The rules of `input_teams`, in a canonical order."""
    found = []
    for row in teams.iter_rows(named=True):
        selector = parse(row["selector"])
        found.append(
            Rule(
                selector,
                row["team"],
                row["cost_center"],
                -FOREVER if row["start_ms"] is None else row["start_ms"],
                FOREVER if row["end_ms"] is None else row["end_ms"],
                (row["priority"], *selector.specificity),
                f"{selector.canonical!r} -> {row['team']} (import {row['import_seq']}, row {row['row']})",
            )
        )
    return sorted(found, key=lambda r: (r.rank, r.selector.canonical, r.team, r.start))


def matching(book: list[Rule], facts: Mapping[str, str | None], at: int) -> list[Rule]:
    """The `rules` that claim a workload with these facts at an instant, the one that wins first."""
    found = [rule for rule in book if rule.covers(at) and rule.selector.matches(facts)]
    best = _best(found)
    return [] if best is None else [best, *(rule for rule in reversed(found) if rule is not best)]


def own(jobs: pl.DataFrame, teams: pl.DataFrame) -> pl.DataFrame:
    """`jobs` (with `start`, `end`) cut where their team changes; adds `owner_status` and `cost_center`, sets `team`.

    Raises `InputError` naming both rules where two of equal rank claim one instant for different teams.
    """
    book = rules(teams)
    used = [f for f in FACTS if any(f == name for r in book for name, _ in r.selector.fields)]
    if not used:
        return _claimed(jobs.with_columns(_rule=pl.lit(None, pl.String), cost_center=pl.lit(None, pl.String)))
    tuples = jobs.select(used).unique().sort(used, nulls_last=True).with_row_index("_facts")
    periods = _periods(tuples, book)
    owned = jobs.join(tuples, on=used, how="left", nulls_equal=True).join(periods, on="_facts", how="left")
    return _claimed(
        owned.filter(
            (pl.col("_from") < pl.col("end")) & (pl.col("_to") > pl.col("start"))
            | (pl.col("start") == pl.col("end")) & pl.col("start").is_between("_from", "_to", closed="left")
        )
        .with_columns(start=pl.max_horizontal("start", "_from"), end=pl.min_horizontal("end", "_to"))
        .drop("_facts", "_from", "_to")
    )


def _claimed(jobs: pl.DataFrame) -> pl.DataFrame:
    status = (
        pl.when(pl.col("_rule").is_not_null())
        .then(pl.lit("fact"))
        .when(pl.col("team").is_not_null())
        .then(pl.lit("claim"))
    )
    return jobs.with_columns(owner_status=status.otherwise(pl.lit("unowned")), team=pl.coalesce("_rule", "team")).drop(
        "_rule"
    )


def _periods(tuples: pl.DataFrame, book: list[Rule]) -> pl.DataFrame:
    matches: dict[int, list[Rule]] = {i: [] for i in tuples["_facts"]}
    for rule in book:
        for index in tuples.filter(_matching(rule))["_facts"]:
            matches[index].append(rule)
    rows = [(index, *period) for index, found in matches.items() for period in _timeline(found)]
    schema = {"_facts": pl.UInt32, "_from": pl.Int64, "_to": pl.Int64, "_rule": pl.String, "cost_center": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _matching(rule: Rule) -> pl.Expr:
    conditions = [pl.col(name).str.contains(regex(glob)) for name, glob in rule.selector.fields]
    return pl.all_horizontal(conditions).fill_null(False)


def _timeline(found: list[Rule]) -> list[tuple[int, int, str | None, str | None]]:
    cuts = sorted({-FOREVER, FOREVER, *(r.start for r in found), *(r.end for r in found)})
    periods = []
    for start, end in pairwise(cuts):
        best = _best([r for r in found if r.covers(start)])
        periods.append((start, end, best.team if best else None, best.cost_center if best else None))
    return periods


def _best(found: list[Rule]) -> Rule | None:
    if not found:
        return None
    first = [rule for rule in found if rule.rank == found[-1].rank]
    if len({rule.selector.facts for rule in first}) == 1:
        most = max(rule.selector.letters for rule in first)
        first = [rule for rule in first if rule.selector.letters == most]
    winner = first[-1]
    for other in first[:-1]:
        if (other.team, other.cost_center) != (winner.team, winner.cost_center):
            raise InputError(
                f"two team rules of equal rank claim the same workloads: {other.place} and {winner.place}; "
                "give one of them a higher priority or an end"
            )
    return winner
