"""A billing export that grows in BigQuery, imported as it grows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from accounting.config import BigQueryTable, Config
from accounting.errors import InputError
from accounting.inputs import gcp_billing, reading
from accounting.inputs.importing import Outcome, Progress, import_file
from accounting.inputs.mapping import Mapping, Settings
from accounting.stores.bigquery import export
from accounting.stores.bigquery.client import connect
from accounting.stores.lake import Lake

SCHEME = "bigquery:"
_PLACE = re.compile(r"(?P<project>[\w.:-]+)\.(?P<dataset>\w+)\.(?P<table>[\w-]+)")
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
DEFAULT = Mapping(Path("gcp_billing"), Settings(format="gcp_billing"))


@dataclass(frozen=True, slots=True)
class Source:
    """A table as the user names it; `since` is the first invoice month that is wanted, `project` pays the queries."""

    name: str
    since: str | None = None
    project: str | None = None


def import_export(
    lake: Lake, config: Config, source: Source, mapping: Mapping, now: int, *, strict: bool, progress: Progress
) -> Outcome | None:
    """Imports what the table has and the lake has not; None: nothing is new.

    What was imported is told by the lake, so a kill loses nothing, and `imports undo` makes rows new again. Rows at the
    watermark come again, because the last of them may have been written after it was read: they count once.
    Raises `InputError` on another name, month or mapping.
    """
    if mapping.format != "gcp_billing":
        raise InputError(f"{mapping.path}: format: a table of BigQuery is read by gcp_billing: leave --mapping away")
    place = source.name.removeprefix(SCHEME)
    warehouse = connect(_settings(config.bigquery, source))
    known = _known(lake, source.name)
    wanted = _wanted(known, source.since)
    folder = lake.scratch()
    folder.mkdir()
    file = folder / source.name
    try:
        progress(f"reading {place}", None)
        count = export.written(warehouse, place, gcp_billing.COLUMNS, wanted, file)
        if not count or _nothing_new(file, known, wanted.watermark):
            return None
        return import_file(
            lake, "invoice", file, mapping, now=now, aliases=config.aliases, strict=strict, progress=progress
        )
    finally:
        file.unlink(missing_ok=True)
        folder.rmdir()


def _settings(configured: BigQueryTable | None, source: Source) -> BigQueryTable:
    """Of `[bigquery]`, where there is one, with the project that pays."""
    found = _PLACE.fullmatch(source.name.removeprefix(SCHEME))
    if found is None:
        raise InputError(f"{source.name}: names no table: write bigquery:PROJECT.DATASET.TABLE")
    if configured is not None:
        return msgspec.structs.replace(configured, project=source.project or configured.project)
    return BigQueryTable(project=source.project or found["project"], dataset=found["dataset"])


def _known(lake: Lake, name: str) -> pl.LazyFrame:
    """Rows that were imported from the table."""
    seqs = [i.seq for i in lake.imports(live_only=True) if i.kind == "invoice" and i.file == name]
    return lake.scan_input("invoice").filter(pl.col("import_seq").is_in(seqs))


def _wanted(known: pl.LazyFrame, since: str | None) -> export.Wanted:
    if since is not None and _MONTH.fullmatch(since) is None:
        raise InputError(f"--since {since}: write a month such as 2026-10")
    first = (since or "").replace("-", "")
    earliest, watermark = known.select(pl.col("invoice_month").min(), pl.col("export_time_ms").max()).collect().row(0)
    if watermark is None:
        return export.Wanted(first, "", 0)
    return export.Wanted(first, earliest.replace("-", "") if since is not None else "", watermark)


def _nothing_new(file: Path, known: pl.LazyFrame, watermark: int) -> bool:
    """Whether all that was read is as old as the watermark, and was imported."""
    read = reading.scan(file).select(pl.col("export_time").max().dt.epoch("ms").alias("latest"), pl.len())
    latest, count = read.collect().row(0)
    there = known.filter(pl.col("export_time_ms") == watermark).drop("import_seq", "row").unique()
    return bool(latest <= watermark and count <= there.select(pl.len()).collect().item())
