"""The warehouse's catalog: which imports and publications count, and whose rows are where.

Rows are loaded before they count. One transaction on these tables and on `publications` and `runs` is the switch.
"""

from __future__ import annotations

from accounting.schema import Table, columns
from accounting.tables import ALL, QUARANTINE, SOURCES

FORMAT = 1
"""Grows with every change of a table or a view: an older warehouse is brought up to it, a newer one refused."""
LABEL = "chipledger_format"
"""Label of `SWITCH` that says it."""

IMPORTS = Table(
    "imports",
    "Imports, as in the catalog of the lake they come from; rows of those that are live count.",
    ("seq",),
    columns(
        ("seq!", "int64", "Number of the import."),
        ("kind!", "string", "jobs, capacity, …; agent: from the inbox."),
        ("source!", "string", "Its name, of which it is a version; '': none."),
        ("file!", "string", "File that was imported."),
        ("file_sha256!", "string", "SHA-256 of the file."),
        ("mapping_sha256!", "string", "SHA-256 of the mapping; '': none."),
        ("imported_at!", "int64", "When it was imported, in ms."),
        ("rows!", "int64", "Rows taken."),
        ("rejected!", "int64", "Rows in quarantine."),
        ("notes!", "string", "What else was counted, as JSON."),
        ("state!", "string", "staging (its rows are being loaded), live, replaced or undone."),
        ("replaced_by", "int64", "The import that replaced it."),
    ),
)
SEGMENTS = Table(
    "segments",
    "Batches of agents' streams that came in, each with the import that brought it; they count as it does.",
    ("import_seq", "agent", "stream", "first"),
    columns(
        ("import_seq!", "int64", "Number of the import."),
        ("agent!", "string", "Agent."),
        ("stream!", "string", "Stream of the agent."),
        ("first!", "int64", "First batch."),
        ("last!", "int64", "Last batch."),
        ("sha256!", "string", "SHA-256 of the segment."),
        ("name!", "string", "Its name in the inbox."),
        ("bytes!", "int64", "Its size."),
        ("node!", "string", "Node."),
        ("cluster!", "string", "Cluster."),
        ("previous!", "string", "The agent's stream before this one; '': none."),
        ("previous_last!", "int64", "Last batch of that."),
        ("start_ms", "int64", "Start of what it tells of; NULL: nothing."),
        ("end_ms", "int64", "End of it."),
    ),
)
LOADS = Table(
    "loads",
    "Whose rows were loaded into which table, and are still there.",
    ("table", "unit"),
    columns(
        ("table!", "string", "Table."),
        ("unit!", "string", "Number of the import, or publication."),
        ("rows!", "int64", "Rows of it in the table."),
    ),
)
SWITCH = Table(
    "switch",
    "One row, which everything that comes to count moves on; read its metadata to know whether there is news.",
    ("generation",),
    columns(("generation!", "int64", "Number of transactions so far.")),
)

CATALOG = (IMPORTS, SEGMENTS, LOADS, SWITCH)
STORED: dict[str, Table] = {t.name: t for t in (*ALL, *CATALOG)}
"""Every table of the warehouse."""
IMPORTED: dict[str, Table] = {t.name: t for t in (*SOURCES.values(), QUARANTINE, SEGMENTS)}
"""Those whose rows belong to an import, in `import_seq`."""
