"""Rules that say who owns what: as people write them, and who would pay under more of them."""

from __future__ import annotations

import csv
import dataclasses
import io
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

import sql
from accounting import pipeline, plan
from accounting.config import Config
from accounting.core import selector
from accounting.core.account import account
from accounting.errors import InputError, Refused
from accounting.inputs import teams
from accounting.inputs.importing import import_file
from accounting.inputs.mapping import load_mapping
from accounting.inventory import Inventory, Span, partition
from accounting.project import Project
from accounting.stores.lake import Lake
from accounting.tables import INPUT_TEAMS

TEAM = "TEAM"
"""Stands in a rule line for the team that a person fills in."""

_MEASURES = ("device_seconds", "cost", "unpriced_seconds")


@dataclass(frozen=True, slots=True)
class Preview:
    """Who bears what, by team: `device_seconds`, `cost`, `unpriced_seconds`, and each `_after`; NULL where nothing.

    `waiting` cluster-days are not up to date; where there are some, both sides are of the inputs as they are now.
    """

    teams: pl.DataFrame
    waiting: int


def rule_lines(selectors: Sequence[str]) -> str:
    """CSV for `import teams`: a header and one rule for each selector, the team to be filled in."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([("selector", "team"), *((said, TEAM) for said in selectors)])
    return text.getvalue()


def parse_rules(texts: Sequence[str]) -> pl.DataFrame:
    """Rows of `INPUT_TEAMS` of rules such as `account=ml-* -> nlp`; raises `InputError` where one is not so written."""
    rows = []
    for number, text in enumerate(texts, 1):
        said, arrow, team = (part.strip() for part in text.rpartition("->"))
        if not arrow or not said or not team:
            raise InputError(f"--rule {text!r}: write SELECTOR -> TEAM, for example 'account=ml-* -> nlp'")
        try:
            canonical = selector.parse(said).canonical
        except ValueError as error:
            raise InputError(f"--rule {text!r}: {error}") from error
        rows.append((0, number, canonical, team, None, None, None, 0))
    return pl.DataFrame(rows, schema=INPUT_TEAMS.schema, orient="row")


def read_rules(file: Path, mapping: Path) -> pl.DataFrame:
    """Rows of `INPUT_TEAMS` of a file, read and checked as an import would; raises `InputError` on any bad row."""
    with tempfile.TemporaryDirectory() as folder:
        aside = Lake.create(Path(folder) / "lake")
        import_file(aside, "teams", file, load_mapping(mapping), now=0, strict=True)
        return aside.scan_input("teams").with_columns(import_seq=pl.lit(0, pl.Int64)).collect()


def preview(project: Project, more: pl.DataFrame, progress: pipeline.Progress) -> Preview:
    """Who would bear what if the rules `more` were imported too, by the functions that a run uses; nothing is written.

    Raises `InputError` where the rules contradict each other or those that count already.
    """
    config = project.config
    progress("reading inputs", None)
    inventory, spans, waiting, _ = pipeline.pending(config)
    rules = teams.distinct(pl.concat([inventory.teams, more]))
    files = {i.seq: i.file for i in project.lake.imports(live_only=True)} | {0: "the new rules"}
    teams.check(rules, "the new rules", files)
    after = _borne(dataclasses.replace(inventory, teams=rules), spans, config, progress)
    before = _borne(inventory, spans, config, progress) if waiting else _published(project)
    joined = before.join(after, on="team", how="full", coalesce=True, suffix="_after").sort("team")
    totals = [(_total(joined[name]), _total(joined[f"{name}_after"])) for name in _MEASURES]
    if any(mine != theirs for mine, theirs in totals):
        raise Refused(f"the preview does not add up to what is published ({totals}); please report it")
    return Preview(joined, len(waiting))


def _published(project: Project) -> pl.DataFrame:
    with closing(project.lake_reader()) as reader:
        return reader.query(sql.read("commands/borne"))


def _total(column: pl.Series) -> Decimal:
    return Decimal(column.sum() or 0)


def _borne(inventory: Inventory, spans: list[Span], config: Config, progress: pipeline.Progress) -> pl.DataFrame:
    """The rows of `commands/borne`, of the inputs accounted anew."""
    days, _ = plan.days(inventory, spans, [], config.policies, {}, None, None)
    halo, done, parts = plan.halo_ms(config.policies), 0, []
    for chunk in plan.chunks(days):
        progress(f"accounting {chunk[0].span.cluster} {chunk[0].day}", done / len(days))
        window = chunk[0].start, chunk[-1].start + 86_400_000
        parts.append(
            _by_team(account(partition(inventory, chunk[0].span, *window, config.policies, config.zones, halo)).charges)
        )
        done += len(chunk)
    if not parts:
        raise InputError("there is nothing to account yet: chipledger import jobs FILE --mapping MAP.toml")
    sums = [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in _MEASURES]
    return pl.concat(parts).group_by("team").agg(sums)


def _by_team(charges: pl.DataFrame) -> pl.DataFrame:
    seconds = pl.col("device_seconds").cast(pl.Decimal(38, 3))
    unpriced = seconds.filter(pl.col("unit_price").is_null()).sum()
    cost = pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum())
    return charges.group_by("team").agg(seconds.sum(), cost.alias("cost"), unpriced_seconds=unpriced)
