"""How a project stands: what was imported, what is published, what waits for a run, and how old it all is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sql
from accounting import gaps, pipeline, plan
from accounting.errors import ChipledgerError
from accounting.project import Project
from accounting.stores.engine import Session, open_session


@dataclass(frozen=True, slots=True)
class Status:
    """`imports` counts live imports and their rows by kind; `watermarks` are in ms, by cluster.

    `last_run` is a row of `runs` (None: never run), `published` has a row for each cluster. `waiting` are the
    cluster-days that a run would do, `fresh` how many of them were never published. `missing` says what agents told of
    and has not come, `warehouse` how BigQuery stands beside the lake, or that it cannot be asked ('': not configured).
    """

    imports: dict[str, tuple[int, int]]
    quarantined: int
    last_run: dict[str, Any] | None = None
    published: list[dict[str, Any]] = field(default_factory=list)
    watermarks: dict[str, int] = field(default_factory=dict)
    waiting: list[plan.Day] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    warehouse: str = ""

    @property
    def fresh(self) -> int:
        return sum(day.base == 0 for day in self.waiting)


def take(project: Project) -> Status:
    """The project's state, of one published snapshot; raises `InputError` or `StoreError` as opening it does."""
    lake = project.lake
    imports: dict[str, tuple[int, int]] = {}
    for one in lake.imports(live_only=True):
        count, rows = imports.get(one.kind, (0, 0))
        imports[one.kind] = (count + 1, rows + one.rows)
    with open_session(lake.snapshot(), spill=lake.folder / "tmp") as session:
        last = _rows(session, "last_run")
        published = _rows(session, "published")
        quarantined = int(_rows(session, "quarantined")[0]["n"])
    if not imports and not last:
        return Status(imports, quarantined, warehouse=_warehouse(project))
    _, spans, waiting, _ = pipeline.pending(project.config)
    watermarks = {span.cluster: span.watermark for span in spans}
    return Status(
        imports,
        quarantined,
        last[0] if last else None,
        published,
        watermarks,
        waiting,
        gaps.said(lake),
        _warehouse(project),
    )


def _warehouse(project: Project) -> str:
    """The rest is of the lake, and is told also where BigQuery does not answer."""
    settings = project.config.bigquery
    if settings is None:
        return ""
    from accounting.stores.bigquery.standing import standing

    try:
        return f"BigQuery {standing(project.lake, settings)}"
    except ChipledgerError as error:
        return str(error)


def _rows(session: Session, name: str) -> list[dict[str, Any]]:
    return session.query(sql.read(f"commands/{name}")).to_dicts()
