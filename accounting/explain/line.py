"""A line of a month that comes from a provider's bill: what was billed, what was computed, and everybody's share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal

import polars as pl

import sql
from accounting.billed import Bill, lines_of, platform_of
from accounting.explain.promised import is_promised
from accounting.explain.scene import Charge
from accounting.explain.trace import Grid, Section, Value
from accounting.explain.words import counted, instant
from accounting.project import Project

_PARTS = {"credit": "credits", "commitment_unused": "unused_cost", "reconciliation": "difference"}
"""Which amount of the bill a kind of line is; what is no accelerator's is the difference, whatever its kind."""
_WHY = {
    "cost": "divided among the teams by what they bear of the computed cost",
    "time": "its accelerators are priced without their host: divided among the teams by the device time that they bear",
    "rule": "a rule of [billing] in chipledger.toml says who bears such lines",
    "label": "a label of the bill's line names the team",
    "platform": "nobody bears computed cost there, so it is the platform's",
}


def bill(project: Project, charge: Charge) -> tuple[Section, bool]:
    """The bill behind the line; whether all its lines add up to what was billed beyond what was computed."""
    keys = ("month", "provider", "day", "accelerator", "price_id")
    given = {name: charge[name] for name in keys}
    of_bill = {name: given[name] for name in keys[:-1]} | {"sku": _sku(charge)}
    with closing(project.lake_reader()) as reader:
        lines = reader.query(sql.read("commands/lines_of_bill"), given).to_dicts()
        found = reader.query(sql.read("commands/billed"), of_bill).to_dicts()
    alike = [line for line in lines if charge["price_id"] or line["charge_kind"] == charge["charge_kind"]]
    mine = [line for line in alike if line["charge_kind"] != "credit" or not is_promised(line)]
    whole = sum((line["cost"] for line in mine), Decimal(0))
    named = "difference" if charge["price_id"] else _PARTS[charge["charge_kind"]]
    facts: dict[str, Value] = {name: value for row in found for name, value in row.items()}
    facts |= {"lines_cost": whole}
    said = [*(line for row in found for line in _said(row, charge)), _shares(charge, mine, whole)]
    invoice = _invoice(project, charge)
    said.append(f"{counted(invoice.height, 'line')} of the bill")
    imports = frozenset(invoice["import_seq"])
    grids = [_lines(mine, whole), _billed(project, invoice)]
    section = Section("bill", "The provider's bill", said, facts, grids, imports)
    return section, bool(found) and whole == found[0][named]


def _sku(charge: Charge) -> str | None:
    """The lines of what is no accelerator's name their SKU in `price_id`."""
    return charge["price_id"].removeprefix("sku:") if charge["price_id"] else None


def _said(row: Charge, charge: Charge) -> Iterator[str]:
    what = charge["accelerator"] or row["description"] or _sku(charge)
    yield f"{charge['provider'] or 'the provider'} billed {what} in {charge['month']}: {row['status']}"
    yield (
        f"billed {row['billed_cost']:f} - computed {row['computed_cost']:f} - unused commitments {row['unused_cost']:f}"
        f" - credits {row['credits']:f} = difference {row['difference']:f} {charge['currency']}"
    )
    if row["quantity_effect"] is not None:
        yield f"of the difference {row['quantity_effect']:f} are other hours, {row['price_effect']:f} another price"


def _shares(charge: Charge, lines: Sequence[Charge], whole: Decimal) -> str:
    rule = (charge["borne_by_rule"] or "").split(":")[-1]
    why = _WHY.get(rule, "it is its owner's, else the platform's")
    return f"{charge['team']} bears {charge['cost']:f} of {whole:f} ({counted(len(lines), 'line')}): {why}"


def _lines(lines: Sequence[Charge], whole: Decimal) -> Grid:
    columns = ("charge_id", "charge_kind", "team", "borne_by_rule", "cost")
    rows = [tuple(line[name] for name in columns) for line in lines]
    return Grid("lines", "lines of the month", columns, rows, ("in all", None, None, None, whole))


def _invoice(project: Project, charge: Charge) -> pl.DataFrame:
    config, provider = project.config, charge["provider"] or ""
    rows = lines_of(project.lake, Bill(charge["month"], provider, "", platform_of(config, charge["month"])), config)
    if charge["price_id"]:
        return rows.filter(sku=_sku(charge)).sort("import_seq", "row")
    mine = rows.filter(accelerator=charge["accelerator"])
    day = pl.from_epoch("usage_start_ms", "ms").dt.date() == charge["day"]
    of_day = mine.filter(day)
    # What is billed for longer than days stands on the first day of the month.
    long = mine.select((pl.col("usage_end_ms") - pl.col("usage_start_ms") > 86_400_000).any()).item()
    return (mine if long else of_day).sort("import_seq", "row")


def _billed(project: Project, invoice: pl.DataFrame) -> Grid:
    files = {one.seq: one.file for one in project.lake.imports(live_only=True)}
    columns = (
        "import",
        "row",
        "file",
        "sku",
        "description",
        "charge_type",
        "from",
        "to",
        "quantity",
        "cost",
        "credits",
    )
    rows = [
        (
            *(r["import_seq"], r["row"], files[r["import_seq"]], r["sku"], r["description"], r["charge_type"]),
            *(instant(r["usage_start_ms"]), instant(r["usage_end_ms"]), r["quantity"], r["cost"], r["credits"]),
        )
        for r in invoice.iter_rows(named=True)
    ]
    return Grid("invoice", "lines of the bill", columns, rows)
