"""What a charge was published from: the publication, the version of the numbers, the files, the policies."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator
from contextlib import closing

import polars as pl

import sql
from accounting import plan
from accounting.explain.scene import Charge
from accounting.explain.trace import Grid, Section, Value
from accounting.explain.words import counted, instant
from accounting.project import Project
from accounting.stores.closing import MONTHS, first_day


def versions(project: Project, charge: Charge, imports: Iterable[int], digests: Iterable[str]) -> Section:
    """The run or the close that the charge stands in; `imports` and policies are those that the trace speaks of."""
    publication, cluster = charge["publication"], charge["cluster"] or MONTHS
    day = charge["day"] if charge["cluster"] else first_day(charge["month"])
    given = {"publication": publication, "cluster": cluster, "day": day}
    with closing(project.lake_reader()) as reader:
        rows = reader.query(sql.read("commands/publication"), given).to_dicts()
    facts: dict[str, Value] = {"publication": publication}
    said = []
    for row in rows:
        facts |= {"made_at": row["made_at"], "made_by": row["made_by"], "digest": row["digest"]}
        what = "closed by" if row["made_by"] == "close" else "published by a run of"
        digest = "its SHA-256" if row["made_by"] == "close" else "digest of the day's inputs"
        said.append(f"{publication}, {what} {row['made_at']:%Y-%m-%d %H:%M:%S}Z; {digest}: {row['digest']}")
    facts |= {"chipledger": importlib.metadata.version("chipledger"), "numbers": plan.NUMBERS, "polars": pl.__version__}
    facts |= {"policy_sha256": ", ".join(digests)}
    files = list(_files(project, set(imports)))
    said.append(f"chipledger {facts['chipledger']}, numbers {plan.NUMBERS}")
    said.append(f"{counted(len(files), 'import')} behind it, each with the SHA-256 of its file")
    columns = ("import", "kind", "source", "file", "imported", "rows", "sha256")
    return Section("versions", "Versions", said, facts, [Grid("imports", "imports", columns, files)])


def _files(project: Project, seqs: set[int]) -> Iterator[tuple[Value, ...]]:
    for one in project.lake.imports():
        if one.seq in seqs:
            at = instant(one.imported_at)
            yield one.seq, one.kind, one.source, one.file, at, one.rows, one.file_sha256
