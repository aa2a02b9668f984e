"""Datasets, tables and views of the warehouse: made where they are missing, brought up to date where they are older."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import sqlglot

from accounting.config import BigQueryTable
from accounting.errors import InputError, StoreError
from accounting.schema import Table
from accounting.stores.bigquery import places
from accounting.stores.bigquery.catalog import FORMAT, LABEL, STORED, SWITCH
from accounting.stores.bigquery.client import Warehouse, answered
from accounting.stores.bigquery.jobs import done, named
from accounting.stores.engine import view_texts
from accounting.stores.subset import DIALECT
from accounting.tables import QUARANTINE, SOURCES

if TYPE_CHECKING:
    from google.cloud import bigquery

DAY_MS = 86_400_000
FIRST_DAY_MS, MOST_DAYS = 1_420_070_400_000, 9_999
"""Raw rows have a partition of their own for each day from 2015-01-01 on, 27 years; others share one."""
ATTEMPTS = 10
"""How often a change is tried of what others change too."""
PATIENCE_SECONDS = 20.0
"""How long the first question of every command waits for an answer; the later ones wait as long as Google advises."""
DATASETS = {
    "": "GPU and TPU accounting by chipledger: usage, charges, capacity, …; ask these.",
    "store": "Tables of chipledger: rows count where the views of the other datasets show them.",
    "input": "What was imported into chipledger and counts, by kind.",
}

Progress = Callable[[str, float | None], None]


@dataclass(slots=True)
class Defined:
    """What was `made`, and what was `changed` because an older chipledger had made it."""

    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def format_of(warehouse: Warehouse) -> int | None:
    """The format of the warehouse; None where it is not, or not wholly, defined.

    Raises `StoreError` where it is newer than this chipledger or cannot be reached.
    """
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import DEFAULT_RETRY

    place = places.stored(warehouse.settings, SWITCH.name)
    with answered(f"looking at {place}"):
        try:
            found = warehouse.client.get_table(place, retry=DEFAULT_RETRY.with_timeout(PATIENCE_SECONDS))
        except NotFound:
            return None
    said = found.labels.get(LABEL)
    if said is not None and int(said) > FORMAT:
        raise StoreError(
            f"BigQuery, {places.dataset(warehouse.settings)} has format {said} and this chipledger knows {FORMAT}:"
            " upgrade chipledger; nothing was changed"
        )
    return None if said is None else int(said)


def ready(warehouse: Warehouse, progress: Progress) -> None:
    """Defines what is missing or older, and asks nothing more than the format where all is there."""
    if format_of(warehouse) != FORMAT:
        define(warehouse, progress)


def define(warehouse: Warehouse, progress: Progress) -> Defined:
    """Makes what is missing; safe to repeat and to interrupt. Raises as `format_of` does, having changed nothing."""
    format_of(warehouse)
    settings, report = warehouse.settings, Defined()
    steps: list[tuple[str, Callable[[], None]]] = [
        *(("datasets", partial(_dataset, warehouse, schema, report)) for schema in DATASETS),
        *(("tables", partial(_table, warehouse, table, report)) for table in STORED.values()),
        *(("views", partial(_view, warehouse, view, report)) for view in views(settings)),
    ]
    with answered("defining tables and views"):
        for number, (what, make) in enumerate(steps):
            progress(f"defining {what}", number / len(steps))
            make()
        _first_row(warehouse)
        _labeled(warehouse)
    return report


def _dataset(warehouse: Warehouse, schema: str, report: Defined) -> None:
    from google.api_core.exceptions import NotFound
    from google.cloud import bigquery

    settings = warehouse.settings
    place = places.dataset(settings, schema)
    try:
        there = warehouse.client.get_dataset(place)
    except NotFound:
        made = bigquery.Dataset(place)
        made.location, made.description = settings.location, DATASETS[schema]
        warehouse.client.create_dataset(made, exists_ok=True)
        report.made.append(place)
        return
    if (there.location or "").upper() != settings.location.upper():
        raise InputError(
            f"chipledger.toml: bigquery.location: {place} is in {there.location}, not {settings.location}:"
            " write that, or name another dataset"
        )


def _table(warehouse: Warehouse, table: Table, report: Defined) -> None:
    from google.api_core.exceptions import NotFound

    wanted = resource(warehouse.settings, table)

    def widened(there: bigquery.Table) -> list[str]:
        names = {column.name for column in there.schema}
        missing = [column for column in wanted.schema if column.name not in names]
        there.schema = [*there.schema, *map(_nullable, missing)]
        return ["schema"] if missing else []

    try:
        if _revised(warehouse, wanted.reference, widened):
            report.changed.append(str(wanted.reference))
    except NotFound:
        warehouse.client.create_table(wanted, exists_ok=True)
        report.made.append(str(wanted.reference))


def _revised(
    warehouse: Warehouse, place: bigquery.TableReference | str, revise: Callable[[bigquery.Table], list[str]]
) -> bool:
    """Whether `revise` changed something of the table and named it; raises `NotFound` where there is none.

    BigQuery takes a change of the state that was read only. Where the answer to it was lost, or another host was
    faster, it is looked at again.
    """
    from google.api_core.exceptions import PreconditionFailed

    tried = False
    for attempt in range(1, ATTEMPTS + 1):
        there = warehouse.client.get_table(place)
        if not (fields := revise(there)):
            break
        tried = True
        try:
            warehouse.client.update_table(there, fields)
        except PreconditionFailed:
            if attempt == ATTEMPTS:
                raise
        else:
            break
    return tried


def resource(settings: BigQueryTable, table: Table) -> bigquery.Table:
    """The table as BigQuery is told of it: columns with descriptions, partitions, clusters."""
    from google.cloud import bigquery

    made = bigquery.Table(places.stored(settings, table.name), schema=_fields(table))
    made.description = table.doc
    made.clustering_fields = list(table.cluster_by) or None
    if table.partition_by and table.raw:
        days = bigquery.PartitionRange(FIRST_DAY_MS, FIRST_DAY_MS + MOST_DAYS * DAY_MS, DAY_MS)
        made.range_partitioning = bigquery.RangePartitioning(days, field=table.partition_by)
        made.require_partition_filter = True
    elif table.partition_by:
        made.time_partitioning = bigquery.TimePartitioning(field=table.partition_by)
    return made


def _fields(table: Table) -> list[bigquery.SchemaField]:
    from google.cloud import bigquery

    modes = {True: "REQUIRED", False: "NULLABLE"}
    return [bigquery.SchemaField(c.name, c.bigquery, mode=modes[c.required], description=c.doc) for c in table.columns]


def _nullable(column: bigquery.SchemaField) -> bigquery.SchemaField:
    """Rows that are there already have no value in a column that is added."""
    from google.cloud import bigquery

    return bigquery.SchemaField(column.name, column.field_type, description=column.description)


@dataclass(frozen=True, slots=True)
class View:
    """A view of the warehouse: its place, its query, what it is."""

    place: str
    query: str
    doc: str


def views(settings: BigQueryTable) -> Iterator[View]:
    """Every view, after those that it reads."""
    for kind, table in {**SOURCES, QUARANTINE.name: QUARANTINE}.items():
        yield View(places.table(settings, "input", kind), _counting(settings, table), table.doc)
    for name, text in view_texts().items():
        tree = sqlglot.parse_one(text, read=DIALECT)
        doc = " ".join(tree.pop_comments() or []).strip()
        places.locate(tree, settings)
        yield View(places.table(settings, "", name), tree.sql(dialect=DIALECT, pretty=True), doc)


def _counting(settings: BigQueryTable, table: Table) -> str:
    """The rows of imports that count."""
    names = ",\n  ".join(f"rows_of.`{name}`" for name in table.names)
    return (
        f"SELECT\n  {names}\nFROM `{places.stored(settings, table.name)}` AS rows_of\n"
        f"JOIN `{places.stored(settings, 'imports')}` AS live ON live.seq = rows_of.import_seq\n"
        "WHERE live.state = 'live'"
    )


def _view(warehouse: Warehouse, view: View, report: Defined) -> None:
    from google.api_core.exceptions import NotFound
    from google.cloud import bigquery

    wanted = bigquery.Table(view.place)
    wanted.view_query, wanted.description = view.query, view.doc

    def rewritten(there: bigquery.Table) -> list[str]:
        if (there.view_query, there.description) == (view.query, view.doc):
            return []
        there.view_query, there.description = view.query, view.doc
        return ["view_query", "description"]

    try:
        if _revised(warehouse, wanted.reference, rewritten):
            report.changed.append(view.place)
    except NotFound:
        warehouse.client.create_table(wanted, exists_ok=True)
        report.made.append(view.place)


def _first_row(warehouse: Warehouse) -> None:
    """Generation 0, once: the job has a name of its own for ever, whoever defines the warehouse at the same time."""
    place = places.stored(warehouse.settings, SWITCH.name)
    text = f"INSERT INTO `{place}` (generation) SELECT 0 FROM (SELECT COUNT(*) AS n FROM `{place}`) WHERE n = 0"
    name = named(warehouse.client.get_table(place), f"{SWITCH.name}-first", "0")
    done(warehouse, name, lambda job_id: warehouse.client.query(text, job_id=job_id, job_retry=None))


def _labeled(warehouse: Warehouse) -> None:
    """Said last: a warehouse that is defined in part has no format, and is defined again."""

    def labeled(there: bigquery.Table) -> list[str]:
        if there.labels.get(LABEL) == str(FORMAT):
            return []
        there.labels = {**there.labels, LABEL: str(FORMAT)}
        return ["labels"]

    _revised(warehouse, places.stored(warehouse.settings, SWITCH.name), labeled)
