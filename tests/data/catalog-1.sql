BEGIN TRANSACTION;
CREATE TABLE files (
  path TEXT PRIMARY KEY,
  tbl TEXT NOT NULL,
  import_seq INTEGER REFERENCES imports (seq),
  publication TEXT,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL
) STRICT;
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
INSERT INTO "imports" VALUES(1,'jobs','','jobs.csv','aa','bb',1750000000000,0,0,'{}','live',NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO "meta" VALUES('version','1');
CREATE TABLE publications (
  seq INTEGER NOT NULL,
  publication TEXT NOT NULL REFERENCES runs (publication),
  cluster TEXT NOT NULL,
  day TEXT NOT NULL,
  published_at INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  PRIMARY KEY (seq, cluster, day)
) STRICT;
CREATE TABLE runs (
  publication TEXT PRIMARY KEY,
  started INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  summary TEXT NOT NULL
) STRICT;
CREATE INDEX files_by_import ON files (import_seq);
CREATE INDEX files_by_publication ON files (publication, tbl);
CREATE INDEX publications_by_day ON publications (cluster, day, seq);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('imports',1);
COMMIT;
