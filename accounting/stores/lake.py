"""The embedded store: a folder of Parquet files and a SQLite catalog.

One host writes, any number of processes read. Files are written aside, synced, renamed, and count only once the
catalog names them; an import and a publication are one catalog transaction each. Killed writers leave orphans,
which `sweep` removes by age.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from accounting.errors import InputError, StoreError
from accounting.schema import Table
from accounting.stores import catalog, ranges
from accounting.stores.told import told_rows
from accounting.tables import LEDGER, QUARANTINE, SOURCES, TOLD

_FULL = ("No space left on device", "Disk quota exceeded", "File too large")


class Conflict(StoreError):
    """Somebody else published the same days since this run looked."""


class Damaged(StoreError):
    """A file that the catalog names is gone, or is not what was written."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that lies in the lake and does not count yet."""

    table: str
    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Import:
    """One imported file: `rows` taken, `rejected` in quarantine, `notes` what else was counted."""

    seq: int
    kind: str
    source: str
    file: str
    file_sha256: str
    mapping_sha256: str
    imported_at: int
    rows: int
    rejected: int
    state: str
    notes: dict[str, int] = field(default_factory=dict)
    replaced_by: int | None = None


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """A cluster-day of a publication; `base` is the seq it was computed on top of (0: none)."""

    cluster: str
    day: date
    fingerprint: str
    base: int


@dataclass(frozen=True, slots=True)
class Live:
    """The current publication of one cluster-day."""

    cluster: str
    day: date
    seq: int
    publication: str
    fingerprint: str
    published_at: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a reader sees at one instant: absolute file paths by table, and what the catalog told, by table."""

    files: dict[str, list[str]]
    told: dict[str, pl.DataFrame]
    generation: int


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake in `folder`; methods open their own catalog connection, so a `Lake` may be shared between threads."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> Lake:
        """Makes the folder and an empty catalog; raises `InputError` if a lake is there."""
        with disk(folder):
            (folder / "data").mkdir(parents=True, exist_ok=True)
            catalog.create(folder)
        return cls(folder)

    @classmethod
    def open(cls, folder: Path) -> Lake:
        """Raises `InputError` where there is no lake, `StoreError` where it is newer or damaged."""
        with disk(folder), closing(catalog.connect(folder)):
            return cls(folder)

    @contextmanager
    def catalog(self) -> Iterator[sqlite3.Connection]:
        """A connection of one's own, for `accounting.stores`."""
        with disk(self.folder), closing(catalog.connect(self.folder)) as connection:
            yield connection

    # -- files ---------------------------------------------------------------------------------------------------

    def scratch(self) -> Path:
        """A new path for a temporary file on the lake's disk; the caller removes it."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        return self.folder / "tmp" / uuid4().hex

    def stage(self, table: Table, frame: pl.DataFrame | pl.LazyFrame) -> StagedFile:
        """Writes one Parquet file with the table's columns, synced to disk; it does not count before a commit."""
        with disk(self.folder):
            directory = self.folder / "data" / table.name
            directory.mkdir(exist_ok=True)
            path = directory / f"{uuid4().hex}.parquet"
            partial = path.with_suffix(".partial")
            try:
                rows, sha256 = _write(partial, frame.lazy().match_to_schema(table.schema))
                partial.rename(path)
            finally:
                partial.unlink(missing_ok=True)
            _sync(directory)
        return StagedFile(table.name, str(path.relative_to(self.folder)), rows, path.stat().st_size, sha256)

    def discard(self, files: Sequence[StagedFile]) -> None:
        """Removes staged files that will never count."""
        for file in files:
            (self.folder / file.path).unlink(missing_ok=True)

    # -- imports -------------------------------------------------------------------------------------------------

    def reserve_import(self, kind: str, source: str, file: str, file_sha256: str, mapping_sha256: str, now: int) -> int:
        """A number for an import that is about to be written; it counts after `commit_import`."""
        with self.catalog() as connection, catalog.transaction(connection):
            cursor = connection.execute(
                "INSERT INTO imports (kind, source, file, file_sha256, mapping_sha256, imported_at,"
                " rows, rejected, notes, state) VALUES (?, ?, ?, ?, ?, ?, 0, 0, '{}', 'staging')",
                (kind, source, file, file_sha256, mapping_sha256, now),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def commit_import(
        self,
        seq: int,
        rows: int,
        rejected: int,
        notes: dict[str, int],
        files: Sequence[StagedFile],
        replaces: Sequence[int],
        segments: Sequence[ranges.Range] = (),
    ) -> None:
        """The import counts from now on, and the imports `replaces` no longer do; one transaction.

        Raises `ranges.Taken`, and nothing counts, where some of its `segments` have come in meanwhile.
        """
        with self.catalog() as connection, catalog.transaction(connection):
            connection.execute(
                "UPDATE imports SET state = 'live', rows = ?, rejected = ?, notes = ? WHERE seq = ?",
                (rows, rejected, json.dumps(notes, sort_keys=True), seq),
            )
            _replace(connection, seq, replaces)
            insert_files(connection, files, import_seq=seq)
            ranges.insert(connection, seq, segments)

    def name_import(self, seq: int, source: str, replaces: Sequence[int]) -> None:
        """Makes a live import the newest version of `source`; the imports `replaces` no longer count."""
        with self.catalog() as connection, catalog.transaction(connection):
            connection.execute("UPDATE imports SET source = ? WHERE seq = ? AND state = 'live'", (source, seq))
            _replace(connection, seq, replaces)

    def imports(self, *, live_only: bool = False) -> list[Import]:
        """All finished imports in order of their number."""
        with self.catalog() as connection:
            rows = connection.execute("SELECT * FROM imports WHERE state <> 'staging' ORDER BY seq").fetchall()
        found = [Import(**{**dict(row), "notes": json.loads(row["notes"])}) for row in rows]
        return [i for i in found if i.state == "live"] if live_only else found

    def undo_import(self, seq: int) -> Import:
        """Retracts a live import and brings back nothing; raises `InputError` if it is not live."""
        with self.catalog() as connection, catalog.transaction(connection):
            row = connection.execute(
                "SELECT state FROM imports WHERE seq = ? AND state <> 'staging'", (seq,)
            ).fetchone()
            if row is None:
                raise InputError(f"there is no import {seq}: `chipledger imports` lists them")
            if row["state"] != "live":
                raise InputError(f"import {seq} does not count any more: it was {row['state']}")
            connection.execute("UPDATE imports SET state = 'undone' WHERE seq = ?", (seq,))
            ranges.free(connection, seq)
        return next(i for i in self.imports() if i.seq == seq)

    def scan_input(self, kind: str) -> pl.LazyFrame:
        """All rows of the live imports of a kind, before replacement by key."""
        with self.catalog() as connection:
            paths = _input_paths(connection, kind)
        return self.scan(SOURCES[kind], paths)

    def scan_quarantine(self) -> pl.LazyFrame:
        """Rejected rows of the live imports."""
        with self.catalog() as connection:
            paths = [
                r["path"]
                for r in connection.execute(
                    "SELECT path FROM files JOIN imports ON seq = import_seq WHERE state = 'live' AND tbl = ?",
                    (QUARANTINE.name,),
                )
            ]
        return self.scan(QUARANTINE, paths)

    def scan(self, table: Table, paths: Sequence[str]) -> pl.LazyFrame:
        """All rows of files of a table, by their paths in the lake."""
        if not paths:
            return table.empty().lazy()
        # Files of an older version lack columns.
        return pl.scan_parquet([self.folder / p for p in paths], schema=table.schema, missing_columns="insert")

    # -- publications --------------------------------------------------------------------------------------------

    def live(self) -> list[Live]:
        """The current publication of every cluster-day."""
        with self.catalog() as connection:
            rows = connection.execute(
                "SELECT cluster, day, max(seq) AS seq, publication, fingerprint, published_at"
                " FROM publications GROUP BY cluster, day"
            ).fetchall()
        return [Live(**{**dict(r), "day": date.fromisoformat(r["day"])}) for r in rows]

    def publish(
        self,
        publication: str,
        days: Sequence[PublishedDay],
        files: Sequence[StagedFile],
        started: int,
        now: int,
        summary: dict[str, Any],
    ) -> int:
        """The switch, for all tables at once. Raises `Conflict` if a day is no longer on its `base`."""
        with self.catalog() as connection, catalog.transaction(connection):
            for d in days:
                (seq,) = connection.execute(
                    "SELECT coalesce(max(seq), 0) FROM publications WHERE cluster = ? AND day = ?",
                    (d.cluster, d.day.isoformat()),
                ).fetchone()
                if seq != d.base:
                    raise Conflict(f"cluster {d.cluster!r}, {d.day}: another run published it meanwhile; run again")
            (seq,) = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM publications").fetchone()
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (publication, started, now, json.dumps(summary)))
            insert_files(connection, files, publication=publication)
            connection.executemany(
                "INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?)",
                [(seq, publication, d.cluster, d.day.isoformat(), now, d.fingerprint) for d in days],
            )
            return int(seq)

    def snapshot(self) -> Snapshot:
        """Files and publications as of one catalog transaction."""
        with self.catalog() as connection:
            connection.execute("BEGIN")
            files: dict[str, list[str]] = {t.name: [] for t in SOURCES.values()}
            for kind, table in SOURCES.items():
                files[table.name] = [str(self.folder / p) for p in _input_paths(connection, kind)]
            live = {
                r["publication"]
                for r in connection.execute("SELECT publication, max(seq) FROM publications GROUP BY cluster, day")
            }
            for row in connection.execute(
                "SELECT tbl, path, publication, state FROM files LEFT JOIN imports ON seq = import_seq ORDER BY path"
            ):
                counts = row["publication"] in live or row["tbl"] == LEDGER.name
                if counts or (row["tbl"] == QUARANTINE.name and row["state"] == "live"):
                    files.setdefault(row["tbl"], []).append(str(self.folder / row["path"]))
            told = {table.name: told_rows(connection, table) for table in TOLD}
            generation = _generation(connection)
            connection.execute("COMMIT")
        return Snapshot(files, told, generation)

    def generation(self) -> int:
        """Grows with every import, undo and publication: equal means nothing changed for readers."""
        with self.catalog() as connection:
            return _generation(connection)

    # -- upkeep --------------------------------------------------------------------------------------------------

    def sweep(self, now: int, keep_ms: int) -> int:
        """Removes files of publications replaced longer than `keep_ms` ago, and orphans a day old; counts them."""
        with self.catalog() as connection, catalog.transaction(connection):
            pinned = catalog.pinned(connection)
            dead = [
                r["path"]
                for r in connection.execute(
                    "SELECT path, publication FROM files JOIN runs USING (publication) WHERE ended < ?"
                    " AND publication NOT IN"
                    " (SELECT publication FROM (SELECT publication, max(seq) FROM publications GROUP BY cluster, day))",
                    (now - keep_ms,),
                )
                if r["publication"] not in pinned
            ]
            connection.executemany("DELETE FROM files WHERE path = ?", [(p,) for p in dead])
            known = {r["path"] for r in connection.execute("SELECT path FROM files")}
        orphans = [p for p in self.orphans(known) if older(p, now / 1000 - 86_400)]
        for path in [*(self.folder / p for p in dead), *orphans]:
            path.unlink(missing_ok=True)
        return len(dead) + len(orphans)

    def orphans(self, known: set[str] | None = None) -> list[Path]:
        """Files that the catalog does not name."""
        if known is None:
            known = {file.path for file in self.known_files()}
        found = [p for p in (self.folder / "data").rglob("*") if p.is_file()]
        scratch = [p for p in (self.folder / "tmp").rglob("*") if p.is_file()]
        return [p for p in found if str(p.relative_to(self.folder)) not in known] + scratch

    def known_files(self) -> list[StagedFile]:
        """Every file that the catalog names."""
        with self.catalog() as connection:
            rows = connection.execute('SELECT tbl AS "table", path, rows, bytes, sha256 FROM files ORDER BY path')
            return [StagedFile(**dict(r)) for r in rows]

    def live_files(self) -> list[StagedFile]:
        """Those of them that count: of live imports and publications."""
        live = {path for paths in self.snapshot().files.values() for path in paths}
        return [file for file in self.known_files() if str(self.folder / file.path) in live]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Errors while rows are read as `Damaged`, where a file that counts is not what was written."""
        try:
            yield
        except (pl.exceptions.PolarsError, OSError) as error:
            for file in self.live_files():
                path = self.folder / file.path
                if not path.exists() or path.stat().st_size != file.bytes:
                    raise damage(path, f"has not the {file.bytes} bytes that were written") from error
            raise

    def integrity(self) -> str:
        """SQLite's own verdict on the catalog: `ok`, or what is wrong."""
        with self.catalog() as connection:
            return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def older(path: Path, than: float) -> bool:
    """Whether a file was last written before an instant (seconds); False for one that another run has just removed."""
    try:
        return path.stat().st_mtime < than
    except FileNotFoundError:
        return False


def new_publication(now: int) -> str:
    """A publication's name: when it was made, and what makes it unique."""
    return f"{datetime.fromtimestamp(now / 1000, UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"


def now_ms() -> int:
    """The clock, for the shell; the core takes instants as arguments."""
    return time.time_ns() // 1_000_000


def _replace(connection: sqlite3.Connection, seq: int, former: Sequence[int]) -> None:
    connection.executemany(
        "UPDATE imports SET state = 'replaced', replaced_by = ? WHERE seq = ? AND state = 'live'",
        [(seq, old) for old in former],
    )


def _generation(connection: sqlite3.Connection) -> int:
    (imports,) = connection.execute(
        "SELECT count(*) + coalesce(sum(state IN ('undone', 'replaced')), 0) FROM imports WHERE state <> 'staging'"
    ).fetchone()
    (published,) = connection.execute("SELECT coalesce(max(seq), 0) FROM publications").fetchone()
    (closes,) = connection.execute("SELECT count(*) FROM closes").fetchone()
    return int(imports) + int(published) + int(closes)


def _input_paths(connection: sqlite3.Connection, kind: str) -> list[str]:
    rows = connection.execute(
        "SELECT path FROM files JOIN imports ON seq = import_seq WHERE state = 'live' AND tbl = ? ORDER BY seq, path",
        (SOURCES[kind].name,),
    )
    return [r["path"] for r in rows]


def insert_files(
    connection: sqlite3.Connection,
    files: Sequence[StagedFile],
    import_seq: int | None = None,
    publication: str | None = None,
) -> None:
    """Names files in the catalog, as those of an import or of a publication."""
    connection.executemany(
        "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(f.path, f.table, import_seq, publication, f.rows, f.bytes, f.sha256) for f in files],
    )


def _write(path: Path, frame: pl.LazyFrame) -> tuple[int, str]:
    """Number of rows and SHA-256 of the synced file."""
    frame.sink_parquet(path, compression="zstd", compression_level=1, row_group_size=262_144, statistics=True)
    rows = pl.scan_parquet(path).select(pl.len()).collect().item()
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return rows, sha256


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Errors of the disk and of SQLite as one line."""
    try:
        yield
    except PermissionError as error:
        raise _forbidden(error.filename or folder) from error
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror or error}; nothing was published or imported") from error
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in catalog.FORBIDDEN:
            raise _forbidden(folder / catalog.NAME) from error
        raise StoreError(f"{folder / catalog.NAME}: {error}; nothing was published or imported") from error
    except pl.exceptions.PolarsError as error:
        if (reason := full(error)) is None:
            raise
        raise StoreError(f"{folder}: {reason}; nothing was published or imported: make room, then again") from error


def damage(path: Path | None, what: str) -> Damaged:
    """The error for a file of the lake, and its remedy; None: nobody said which."""
    remedy = "restore it from a backup, or see docs/operations.md, Damage"
    if path is not None and not path.exists():
        what = "is gone"
    if path is None:
        return Damaged(f"a file of the lake {what}: `chipledger doctor --deep` names it; {remedy}")
    return Damaged(f"{path} {what}: {remedy}; `chipledger doctor --deep` looks at every file")


def full(error: BaseException) -> str | None:
    """What the system said where an error of any library means that there is no room; None: something else."""
    return next((reason for reason in _FULL if reason in str(error)), None)


def _forbidden(path: Path | str) -> InputError:
    return InputError(f"no permission for {path}: give it to this user, or run as its owner")
