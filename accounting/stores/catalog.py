"""The lake's catalog: one SQLite file (WAL) that says which Parquet files count.

A file that the catalog does not name does not exist for readers, so one transaction here is the switch for all tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from accounting.errors import InputError, StoreError

VERSION = 4
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

_CLOSES = """
CREATE TABLE closes (
  seq INTEGER PRIMARY KEY,
  month TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('close', 'reopen')),
  publication TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  who TEXT NOT NULL,
  reason TEXT NOT NULL,
  rows INTEGER NOT NULL,
  cost TEXT,
  currency TEXT,
  known INTEGER NOT NULL,
  versions TEXT NOT NULL,
  previous TEXT NOT NULL,
  rows_sha256 TEXT NOT NULL,
  sha256 TEXT NOT NULL
) STRICT;
CREATE TABLE statements (
  number INTEGER PRIMARY KEY,
  month TEXT NOT NULL,
  team TEXT NOT NULL,
  publication TEXT NOT NULL,
  cost TEXT NOT NULL,
  amount TEXT NOT NULL,
  currency TEXT NOT NULL,
  issued_at INTEGER NOT NULL
) STRICT;
CREATE VIEW closed AS
  SELECT month, publication FROM closes AS one WHERE action = 'close'
  AND NOT EXISTS (SELECT 1 FROM closes AS later WHERE later.month = one.month AND later.seq > one.seq);
"""
"""`closed` has the months that are closed now."""

_DISPUTES = """
CREATE TABLE disputes (
  seq INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('open', 'credit', 'reject')),
  charge_id TEXT NOT NULL,
  month TEXT NOT NULL,
  team TEXT NOT NULL,
  cost TEXT NOT NULL,
  currency TEXT NOT NULL,
  credit TEXT CHECK ((action = 'credit') = (credit IS NOT NULL)),
  payer TEXT CHECK ((action = 'credit') = (payer IS NOT NULL)),
  booked TEXT CHECK ((action = 'credit') = (booked IS NOT NULL)),
  made_at INTEGER NOT NULL,
  who TEXT NOT NULL,
  reason TEXT NOT NULL,
  CHECK ((action = 'open') = (number = seq))
) STRICT;
CREATE VIEW disputed AS
  SELECT * FROM disputes AS one WHERE action = 'open'
  AND NOT EXISTS (SELECT 1 FROM disputes AS later WHERE later.number = one.number AND later.seq > one.seq);
"""
"""`disputed` has the disputes that are open now."""

Guard = tuple[str, str, str, str]
"""Table, event, when, and why it is refused then."""
_KEPT: tuple[Guard, ...] = (
    ("closes", "UPDATE", "", "lines of the ledger never change"),
    ("closes", "DELETE", "", "lines of the ledger never go"),
    ("statements", "UPDATE", "", "statements never change"),
    ("statements", "DELETE", "", "statements never go"),
    ("files", "UPDATE", "OLD.tbl = 'ledger'", "the charges of a close never change"),
    ("files", "DELETE", "OLD.tbl = 'ledger'", "the charges of a close never go"),
    (
        "files",
        "INSERT",
        "NEW.tbl = 'ledger' AND EXISTS (SELECT 1 FROM closes WHERE publication = NEW.publication)",
        "the close has all its charges",
    ),
    (
        "closes",
        "INSERT",
        "NEW.action = 'close' AND NEW.month <= (SELECT max(month) FROM closed)",
        "the month, or a later one, is closed",
    ),
    (
        "closes",
        "INSERT",
        "NEW.action = 'reopen' AND NEW.month IS NOT (SELECT max(month) FROM closed)",
        "only the last closed month can be opened again",
    ),
    (
        "closes",
        "INSERT",
        "NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM closes)",
        "another line was written meanwhile",
    ),
    (
        "statements",
        "INSERT",
        "NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM statements)",
        "numbers of statements have no gaps",
    ),
    (
        "publications",
        "INSERT",
        "NEW.cluster = '' AND substr(NEW.day, 1, 7) <= (SELECT max(month) FROM closed)",
        "the month is closed",
    ),
)
_KEPT_DISPUTES: tuple[Guard, ...] = (
    ("disputes", "UPDATE", "", "lines of disputes never change"),
    ("disputes", "DELETE", "", "lines of disputes never go"),
    (
        "disputes",
        "INSERT",
        "NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM disputes)",
        "another line was written meanwhile",
    ),
    (
        "disputes",
        "INSERT",
        "NEW.action = 'open' AND NEW.charge_id IN (SELECT charge_id FROM disputed)",
        "the charge is disputed already",
    ),
    (
        "disputes",
        "INSERT",
        "NEW.action <> 'open' AND NEW.number NOT IN (SELECT number FROM disputed WHERE charge_id = NEW.charge_id)",
        "there is no such open dispute",
    ),
    (
        "disputes",
        "INSERT",
        "NEW.booked <= (SELECT max(month) FROM closed)",
        "the month of the credit is closed",
    ),
)

REFUSED = "chipledger: "
"""What the ledger's own refusals begin with."""


def _guards(prefix: str, guards: Sequence[Guard]) -> Iterator[str]:
    for number, (table, event, condition, why) in enumerate(guards):
        when = f"WHEN {condition} " if condition else ""
        yield (
            f"CREATE TRIGGER {prefix}_{number} BEFORE {event} ON {table} {when}"
            f"BEGIN SELECT RAISE(ABORT, '{REFUSED}{why}'); END"
        )


MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: tuple(filter(str.strip, _SEGMENTS.split(";"))),
    2: (*filter(str.strip, _CLOSES.split(";")), *_guards("kept", _KEPT)),
    3: (*filter(str.strip, _DISPUTES.split(";")), *_guards("disputed", _KEPT_DISPUTES)),
}
"""By version, what makes it the next one."""


def create(folder: Path) -> None:
    """An empty catalog in `folder`; raises `InputError` if there is one already."""
    path = folder / NAME
    if path.exists():
        raise InputError(f"{path} exists already: this folder has a lake")
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        made = "; ".join(statement for step in MIGRATIONS.values() for statement in step)
        connection.executescript(f"BEGIN; {_SCHEMA} {made}; INSERT INTO meta VALUES ('version', '{VERSION}'); COMMIT;")
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
                for statement in MIGRATIONS[step]:
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


def pinned(connection: sqlite3.Connection) -> set[str]:
    """Publications whose rows closed months were made of: they are never removed."""
    rows = connection.execute(
        "SELECT DISTINCT published.publication FROM publications AS published, closes"
        " WHERE closes.action = 'close' AND published.seq = (SELECT max(seq) FROM publications AS one"
        " WHERE one.cluster = published.cluster AND one.day = published.day AND one.seq <= closes.known)"
        " AND published.day BETWEEN date(closes.month || '-01', '-1 day')"
        " AND date(closes.month || '-01', '+1 month')"
    )
    return {row["publication"] for row in rows}
