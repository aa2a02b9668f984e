"""The lake's catalog: one SQLite file (WAL) that says which Parquet files count.

A file that the catalog does not name does not exist for readers, so one transaction here is the switch for all tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accounting.errors import InputError, StoreError

VERSION = 2
NAME = "catalog.sqlite"

FORBIDDEN = {sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
MACHINE = FORBIDDEN | {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
}
"""Codes that speak of the machine: the catalog itself is not damaged."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE imports (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  file TEXT NOT NULL,
  file_sha256 TEXT NOT NULL,
  mapping_sha256 TEXT NOT NULL,
  imported_at INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  notes TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('staging', 'live', 'replaced', 'undone')),
  replaced_by INTEGER
) STRICT;
CREATE TABLE files (
  path TEXT PRIMARY KEY,
  tbl TEXT NOT NULL,
  import_seq INTEGER REFERENCES imports (seq),
  publication TEXT,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX files_by_import ON files (import_seq);
CREATE INDEX files_by_publication ON files (publication, tbl);
CREATE TABLE runs (
  publication TEXT PRIMARY KEY,
  started INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  summary TEXT NOT NULL
) STRICT;
CREATE TABLE publications (
  seq INTEGER NOT NULL,
  publication TEXT NOT NULL REFERENCES runs (publication),
  cluster TEXT NOT NULL,
  day TEXT NOT NULL,
  published_at INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  PRIMARY KEY (seq, cluster, day)
) STRICT;
CREATE INDEX publications_by_day ON publications (cluster, day, seq);
"""

_SEGMENTS = """
CREATE TABLE segments (
  agent TEXT NOT NULL,
  stream TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  import_seq INTEGER NOT NULL REFERENCES imports (seq),
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  node TEXT NOT NULL,
  cluster TEXT NOT NULL,
  previous TEXT NOT NULL,
  previous_last INTEGER NOT NULL,
  start_ms INTEGER,
  end_ms INTEGER,
  CHECK (last >= first)
) STRICT;
CREATE UNIQUE INDEX live_segments ON segments (agent, stream, first) WHERE live;
CREATE INDEX segments_by_import ON segments (import_seq);
"""

MIGRATIONS = {1: _SEGMENTS}
"""By version, what makes it the next one."""


def create(folder: Path) -> None:
    """An empty catalog in `folder`; raises `InputError` if there is one already."""
    path = folder / NAME
    if path.exists():
        raise InputError(f"{path} exists already: this folder has a lake")
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"BEGIN; {_SCHEMA} {_SEGMENTS} INSERT INTO meta VALUES ('version', '{VERSION}'); COMMIT;"
        )
    finally:
        connection.close()


def connect(folder: Path) -> sqlite3.Connection:
    """A connection with real fsync on commit; an older catalog becomes one of today's first.

    Raises `StoreError` on a newer or damaged catalog.
    """
    path = folder / NAME
    if not path.is_file():
        raise InputError(f"no lake in {folder}: run `chipledger init DIR` first")
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (version,) = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone() or (None,)
    except sqlite3.Error as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF in MACHINE:
            raise
        raise StoreError(f"{path} cannot be read as a catalog ({error}): restore it from a backup") from error
    if version is None:
        connection.close()
        raise StoreError(f"{path} cannot be read as a catalog (it has no version): restore it from a backup")
    if int(version) > VERSION:
        connection.close()
        raise StoreError(
            f"{path} has format {version} and this chipledger knows {VERSION}: upgrade chipledger; nothing was changed"
        )
    if int(version) < VERSION:
        _migrate(connection)
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """One step after the other, all in one transaction, and none where another process was faster."""
    try:
        with transaction(connection):
            (version,) = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
            for step in range(int(version), VERSION):
                for statement in filter(str.strip, MIGRATIONS[step].split(";")):
                    connection.execute(statement)
            connection.execute("UPDATE meta SET value = ? WHERE key = 'version'", (str(VERSION),))
    except BaseException:
        connection.close()
        raise


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """BEGIN IMMEDIATE … COMMIT; any exception rolls back."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
