"""What the lake has and the warehouse has not; or that it is the other way round."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from accounting.errors import StoreError
from accounting.stores.bigquery.catalog import IMPORTS
from accounting.stores.bigquery.ledger import Here, Ledger, There

SAME = ("seq", "kind", "file_sha256", "mapping_sha256", "imported_at")
"""What an import never changes."""
_DAY = ("seq", "publication", "cluster", "day")


class Foreign(StoreError):
    """The warehouse has what the lake has not: another host wrote to it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of the catalog that the warehouse lacks or has otherwise, and `units`: those whose rows it lacks."""

    imports: pl.DataFrame
    runs: pl.DataFrame
    publications: pl.DataFrame
    closes: pl.DataFrame
    statements: pl.DataFrame
    disputes: pl.DataFrame
    units: list[str]

    @property
    def empty(self) -> bool:
        return all(one.is_empty() for one in (self.imports, self.publications, self.closes, self.disputes))


def difference(here: Here, there: There) -> Difference:
    """What a push has to bring; raises `Foreign`."""
    _check(here.ledger, there.ledger)
    mine, known = here.ledger, there.ledger
    finished = mine.imports.filter(pl.col("state") != "staging")
    imports = finished.join(known.imports, on=IMPORTS.names, how="anti", nulls_equal=True, maintain_order="left")
    counting = known.imports.filter(pl.col("state") != "staging")
    new = imports.filter(pl.col("state") == "live").join(counting, on="seq", how="anti", maintain_order="left")
    publications = mine.publications.join(known.publications, on=_DAY, how="anti", maintain_order="left")
    runs = mine.runs.join(known.runs, on="publication", how="anti", maintain_order="left")
    runs = runs.join(publications, on="publication", how="semi", maintain_order="left")
    closes = mine.closes.join(known.closes, on="seq", how="anti", maintain_order="left")
    statements = mine.statements.join(known.statements, on="number", how="anti", maintain_order="left")
    disputes = mine.disputes.join(known.disputes, on="seq", how="anti", maintain_order="left")
    units = [*map(str, new["seq"]), *runs["publication"], *closes.filter(action="close")["publication"]]
    return Difference(imports, runs, publications, closes, statements, disputes, units)


def _check(mine: Ledger, known: Ledger) -> None:
    for strange in (_strange_import, _strange_day, strange_close, strange_dispute):
        if line := strange(mine, known):
            raise Foreign(
                f"BigQuery has what this lake has not ({line}): another host wrote to it; move this lake away,"
                " `chipledger copy --from bigquery`, and import again what only this lake had"
            )


def _strange_import(mine: Ledger, known: Ledger) -> str:
    """Says which import of the warehouse's is not the lake's; an import that is being loaded counts for its number."""
    finished = mine.imports.filter(pl.col("state") != "staging")
    pairs = known.imports.join(finished, on="seq", how="left", suffix="_here", maintain_order="left")
    for row in pairs.iter_rows(named=True):
        loading = row["state"] == "staging"
        if row["kind_here"] is None and loading:
            continue
        other = any(row[name] != row[f"{name}_here"] for name in SAME[1:])
        ended = row["state"] in ("replaced", "undone")
        changed = ended and any(row[name] != row[f"{name}_here"] for name in ("state", "replaced_by"))
        renamed = not loading and row["source"] and not row["source_here"]
        if other or changed or renamed:
            return f"import {row['seq']}, {row['kind']} of {row['file']}, {row['state']}"
    return ""


def _strange_day(mine: Ledger, known: Ledger) -> str:
    foreign = known.publications.join(mine.publications, on=_DAY, how="anti", maintain_order="left")
    if foreign.is_empty():
        return ""
    publication, cluster, day = foreign.select("publication", "cluster", "day").row(0)
    assert isinstance(day, date)
    return f"publication {publication}, cluster {cluster} on {day}"


def strange_close(mine: Ledger, known: Ledger) -> str:
    """The first line of `known` about months that is not among `mine`; '': none."""
    foreign = known.closes.join(mine.closes, on=("seq", "sha256"), how="anti")
    return "" if foreign.is_empty() else f"{foreign['action'][0]} of {foreign['month'][0]}"


def strange_dispute(mine: Ledger, known: Ledger) -> str:
    """The first line of `known` about disputes that is not among `mine`; '': none."""
    same = ("seq", "charge_id", "action", "made_at")
    foreign = known.disputes.join(mine.disputes, on=same, how="anti")
    return "" if foreign.is_empty() else f"dispute {foreign['number'][0]} of charge {foreign['charge_id'][0]}"
