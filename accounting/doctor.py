"""Whether this machine and this project can work, one finding for each question, each with its remedy."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import sys
import tempfile
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from accounting import gaps
from accounting.config import POLICIES, BigQueryTable, Config, load_config
from accounting.core.ownership import own
from accounting.core.pricing import book, check_currency, spans
from accounting.errors import ChipledgerError
from accounting.inputs import prices, teams
from accounting.inputs.duck import reading
from accounting.inventory import Inventory, take
from accounting.inventory import spans as cluster_spans
from accounting.stores.catalog import VERSION
from accounting.stores.engine import open_session
from accounting.stores.lake import Damaged, Lake, StagedFile

Level = Literal["ok", "warn", "fail"]

PACKAGES = ("polars", "duckdb", "sqlglot", "msgspec", "click", "rich")
PYTHON = (3, 11)
ROOM_FAIL, ROOM_WARN = 100_000_000, 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer; `remedy` is empty where it is ok."""

    level: Level
    what: str
    says: str
    remedy: str = ""


def examine(path: Path | None, now: int, *, deep: bool = False) -> Iterator[Finding]:
    """All findings, in order; `path` names the project as `load_config` takes it, `now` is in ms.

    With `deep` every file is read and its SHA-256 compared.
    """
    yield _python()
    yield from (_package(name) for name in PACKAGES)
    yield _zones()
    try:
        config = load_config(path)
    except ChipledgerError as error:
        yield Finding(
            "fail",
            "policies" if f"{POLICIES}/" in str(error) else "settings",
            str(error),
            "correct the file; the rest was not looked at",
        )
        return
    yield Finding("ok", "settings", str(config.folder))
    yield Finding("ok", "policies", f"{len(config.policies)} in force one after another")
    if config.bigquery is not None and not config.lake.exists():
        yield Finding("ok", "lake", "none here: BigQuery answers queries, and another host imports")
        yield _readable(config.bigquery)
        return
    try:
        lake = Lake.open(config.lake)
    except ChipledgerError as error:
        yield Finding("fail", "lake", str(error), "the rest was not looked at")
        return
    yield Finding("ok", "lake", f"{config.lake}, format {VERSION}")
    yield from _store(lake, deep)
    yield from _inputs(lake, config, now)
    if config.bigquery is not None:
        yield _warehouse(lake, config.bigquery)


def _store(lake: Lake, deep: bool) -> Iterator[Finding]:
    verdict = lake.integrity()
    if verdict != "ok":
        yield Finding("fail", "catalog", verdict.splitlines()[0], "restore the lake's folder from a backup")
        return
    yield Finding("ok", "catalog", "SQLite finds it intact")
    yield _files(lake, deep)
    yield _orphans(lake)
    yield _room(lake.folder)
    yield _writable(lake.folder)
    yield _asked(
        "engine",
        "DuckDB answers without any extension from the network",
        lambda: _query(lake),
        "install chipledger's locked versions again",
    )


def _inputs(lake: Lake, config: Config, now: int) -> Iterator[Finding]:
    try:
        with lake.reading():
            inventory = take(lake, config.aliases, config.rates)
    except (ChipledgerError, pl.exceptions.PolarsError, OSError) as error:
        yield Finding("fail", "inputs", str(error).splitlines()[0], "see the files above")
        return
    yield _clock(lake, inventory, now)
    yield _agents(lake)
    names = {i.seq: i.file for i in lake.imports(live_only=True)}
    yield _asked(
        "prices",
        f"{inventory.prices.height} rows, no two for one SKU at once",
        lambda: _price_book(lake, inventory, names, config.aliases),
    )
    yield _asked(
        "currency", "one for all prices", lambda: check_currency(book(inventory.prices), config.rates.currency)
    )
    yield _asked(
        "teams",
        f"{inventory.teams.height} rules, no two of equal rank for one workload",
        lambda: _rules(inventory, names),
    )


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON:
        return Finding("fail", "python", found, "install Python 3.11 or later")
    return Finding("ok", "python", found)


def _package(name: str) -> Finding:
    try:
        return Finding("ok", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding("fail", name, "is not installed", "pip install 'chipledger[server]'")


def _zones() -> Finding:
    try:
        zoneinfo.ZoneInfo("America/Los_Angeles")
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        return Finding("fail", "time zones", str(error), "install the system's tzdata, or: pip install tzdata")
    return Finding("ok", "time zones", f"{len(zoneinfo.available_timezones())} known")


def _files(lake: Lake, deep: bool) -> Finding:
    named = lake.live_files()
    bad = [f"{file.path} {wrong}" for file in named if (wrong := _wrong(lake.folder / file.path, file, deep))]
    if bad:
        says = f"{len(bad)} of {len(named)} files that count are damaged, the first: {bad[0]}"
        return Finding("fail", "files", says, "restore them from a backup, or see docs/operations.md, Damage")
    size = sum(file.bytes for file in named)
    return Finding(
        "ok", "files", f"{len(named)} that count, {size:,} bytes, every {'SHA-256' if deep else 'size'} right"
    )


def _wrong(path: Path, file: StagedFile, deep: bool) -> str:
    try:
        size = path.stat().st_size
        if size != file.bytes:
            return f"has {size} bytes, not {file.bytes}"
        if deep:
            with path.open("rb") as opened:
                return "" if hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256 else "has another SHA-256"
    except OSError as error:
        return str(error.strerror)
    return ""


def _orphans(lake: Lake) -> Finding:
    found = lake.orphans()
    if not found:
        return Finding("ok", "orphans", "none")
    size = sum(path.stat().st_size for path in found)
    says = f"{len(found)} files ({size:,} bytes) that do not count, of a command that runs now or was killed"
    return Finding("warn", "orphans", says, "nothing to do: the next run that publishes removes those older than a day")


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    says = f"{free / 1e9:,.1f} GB free"
    level: Level = "fail" if free < ROOM_FAIL else "warn" if free < ROOM_WARN else "ok"
    return Finding(level, "disk", says, "" if level == "ok" else f"make room on the disk of {folder}")


def _writable(folder: Path) -> Finding:
    try:
        for place in (folder, folder / "data"):
            with tempfile.TemporaryFile(dir=place) as file:
                file.write(b"chipledger")
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        return Finding(
            "fail",
            "writing",
            f"{error.filename or folder}: {error.strerror}",
            "give the folder to this user, or run as its owner",
        )
    if not os.access(folder / "catalog.sqlite", os.W_OK):
        return Finding(
            "fail",
            "writing",
            f"{folder / 'catalog.sqlite'}: not writable",
            "give the file to this user, or run as its owner",
        )
    return Finding("ok", "writing", "a file can be written and synced")


def _clock(lake: Lake, inventory: Inventory, now: int) -> Finding:
    ahead = [f"watermark of {s.cluster}" for s in cluster_spans(inventory, None) if s.watermark > now]
    ahead += ["last publication"] * any(live.published_at > now for live in lake.live())
    if ahead:
        return Finding(
            "warn",
            "clock",
            f"in the future: {', '.join(ahead)}",
            "set this machine's clock, or correct `end`, origin or zone in the mapping",
        )
    return Finding("ok", "clock", "no watermark and no publication is in the future")


def _agents(lake: Lake) -> Finding:
    found = gaps.said(lake)
    if found:
        return Finding("warn", "agents", "; ".join(found), "look at those nodes: chipledger-agent doctor")
    return Finding("ok", "agents", "nothing that they told of is missing")


def _warehouse(lake: Lake, settings: BigQueryTable) -> Finding:
    from accounting.stores.bigquery.standing import standing

    try:
        found = standing(lake, settings)
    except ChipledgerError as error:
        return Finding("fail", "bigquery", str(error), "see docs/bigquery.md, When something is wrong")
    if found.foreign:
        return Finding("fail", "bigquery", found.foreign)
    return Finding(
        "warn" if found.behind else "ok",
        "bigquery",
        str(found),
        "chipledger copy --to bigquery" if found.behind else "",
    )


def _readable(settings: BigQueryTable) -> Finding:
    from accounting.stores.bigquery.session import version

    try:
        pushed = datetime.fromtimestamp(version(settings) / 1000, UTC)
    except ChipledgerError as error:
        return Finding("fail", "bigquery", str(error), "see docs/bigquery.md, When something is wrong")
    return Finding("ok", "bigquery", f"{settings.project}.{settings.dataset}: last pushed {pushed:%Y-%m-%d %H:%M:%S}Z")


def _asked(what: str, says: str, question: Callable[[], object], remedy: str = "") -> Finding:
    try:
        question()
    except Damaged as error:
        return Finding("fail", what, str(error), "see the files above")
    except (ChipledgerError, duckdb.Error) as error:
        return Finding("fail", what, str(error), remedy)
    return Finding("ok", what, says)


def _query(lake: Lake) -> None:
    with open_session(lake.snapshot(), spill=lake.folder / "tmp") as session:
        session.query("SELECT COUNT(*) AS n, SUM(CAST('0.1' AS NUMERIC)) AS s FROM publications")
    with reading(lake.folder, lake.scratch()) as connection:
        connection.execute("SELECT json_valid('{}')")


def _price_book(lake: Lake, inventory: Inventory, names: dict[int, str], aliases: Mapping[str, str]) -> None:
    prices.check(lake.scan_input("prices").collect(), "", names, aliases)
    rows = book(inventory.prices)
    wanted = pl.concat(
        [
            inventory.capacity.select("accelerator", "provider", "region", "purchase"),
            inventory.jobs.select(
                "accelerator", *(pl.lit(None, pl.String).alias(n) for n in ("provider", "region", "purchase"))
            ),
        ]
    ).unique()
    for accelerator, provider, region, purchase in wanted.iter_rows():
        spans(rows, (accelerator, provider, region, purchase), -(1 << 42), 1 << 42)


def _rules(inventory: Inventory, names: dict[int, str]) -> None:
    teams.check(inventory.teams, "", names)
    held = inventory.jobs.with_columns(start=pl.col("start_ms"), end=pl.col("end_ms").fill_null(1 << 41))
    own(held.filter(pl.col("start").is_not_null()), inventory.teams)
