"""Datasets and tables: their resources as REST answers them, and the rows in DuckDB."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import duckdb

from tests.fakes.bigquery.errors import ApiError, duplicate, invalid, not_found
from tests.fakes.bigquery.fields import Field, duckdb_type, stated

Json = dict[str, Any]
OWNERS = {"role": "OWNER", "specialGroup": "projectOwners"}


def now_ms() -> str:
    return str(int(time.time() * 1000))


def quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


@dataclass
class Resource:
    """A dataset or a table: what was stated, and when it last changed."""

    body: Json
    version: int = 0
    changed: str = field(default_factory=now_ms)
    policies: dict[str, Json] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return hashlib.sha256(json.dumps([self.body, self.version], sort_keys=True).encode()).hexdigest()[:22]

    @property
    def fields(self) -> list[Field]:
        return list(self.body.get("schema", {}).get("fields", []))

    @property
    def is_view(self) -> bool:
        return "view" in self.body

    @property
    def partition_column(self) -> str | None:
        return (self.body.get("timePartitioning") or self.body.get("rangePartitioning") or {}).get("field")

    def touch(self) -> None:
        """Rows or the resource changed."""
        self.version += 1
        self.changed = now_ms()

    def patch(self, change: Json) -> None:
        """Sets what `change` states; None takes it away, labels are merged."""
        for key, value in change.items():
            if key == "labels":
                merged = {**self.body.get("labels", {}), **(value or {})}
                self.body["labels"] = {name: text for name, text in merged.items() if text is not None}
            elif value is None:
                self.body.pop(key, None)
            else:
                self.body[key] = value
        self.touch()


class Catalog:
    """The state of all projects; a dataset belongs to one."""

    def __init__(self) -> None:
        self.database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        self.database.execute("SET TimeZone = 'UTC'")
        self.datasets: dict[str, Resource] = {}
        self.tables: dict[tuple[str, str], Resource] = {}
        self.groups: dict[str, set[str]] = {}
        """Members of each group of users."""
        self.lock = threading.RLock()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own on the same rows."""
        cursor = self.database.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a statement in DuckDB's dialect, outside of any transaction."""
        cursor = self.cursor()
        try:
            return cursor.execute(sql).fetchall()
        finally:
            cursor.close()

    # Datasets

    def dataset(self, project: str, name: str) -> Resource:
        found = self.datasets.get(name)
        if found is None or found.body["datasetReference"]["projectId"] != project:
            raise not_found("Dataset", f"{project}:{name}")
        return found

    def make_dataset(self, project: str, body: Json) -> Resource:
        reference = {**body["datasetReference"], "projectId": body["datasetReference"].get("projectId") or project}
        name = reference["datasetId"]
        with self.lock:
            if name in self.datasets:
                raise duplicate("Dataset", f"{project}:{name}")
            self.run(f"CREATE SCHEMA {quoted(name)}")
            made = Resource({"location": "US", "access": [OWNERS], **body, "datasetReference": reference})
            made.body["creationTime"] = now_ms()
            self.datasets[name] = made
            return made

    def drop_dataset(self, project: str, name: str, *, contents: bool) -> None:
        with self.lock:
            self.dataset(project, name)
            inside = [key for key in self.tables if key[0] == name]
            if inside and not contents:
                raise ApiError(400, "resourceInUse", f"Dataset {project}:{name} is still in use")
            self.run(f"DROP SCHEMA {quoted(name)} CASCADE")
            del self.datasets[name]
            for key in inside:
                del self.tables[key]

    def show_dataset(self, project: str, name: str) -> Json:
        found = self.dataset(project, name)
        identity = {"kind": "bigquery#dataset", "id": f"{project}:{name}", "etag": found.etag}
        return {**found.body, **identity, "lastModifiedTime": found.changed}

    # Tables

    def table(self, project: str, dataset: str, name: str) -> Resource:
        self.dataset(project, dataset)
        found = self.tables.get((dataset, name))
        if found is None:
            raise not_found("Table", f"{project}:{dataset}.{name}")
        return found

    def make_table(self, project: str, dataset: str, body: Json) -> Resource:
        """A table or, where `body` has a view's query, a view whose schema it has too."""
        name = body["tableReference"]["tableId"]
        with self.lock:
            self.dataset(project, dataset)
            if (dataset, name) in self.tables:
                raise duplicate("Table", f"{project}:{dataset}.{name}")
            reference = {"projectId": project, "datasetId": dataset, "tableId": name}
            fields = [stated(one) for one in body.get("schema", {}).get("fields", [])]
            made = Resource({**body, "tableReference": reference, "schema": {"fields": fields}})
            made.body["creationTime"] = now_ms()
            if not made.is_view:
                _check_layout(made)
                self.run(f"CREATE TABLE {quoted(dataset, name)} ({_definitions(fields)})")
            self.tables[dataset, name] = made
            return made

    def drop_table(self, project: str, dataset: str, name: str) -> None:
        with self.lock:
            if not self.table(project, dataset, name).is_view:
                self.run(f"DROP TABLE {quoted(dataset, name)}")
            del self.tables[dataset, name]

    def patch_table(self, project: str, dataset: str, name: str, change: Json) -> None:
        """Raises `ApiError` where the schema would change in another way than BigQuery allows."""
        with self.lock:
            found = self.table(project, dataset, name)
            if "schema" in change:
                fields = [stated(one) for one in change["schema"]["fields"]]
                if not found.is_view:
                    self._alter(f"{project}:{dataset}.{name}", quoted(dataset, name), found.fields, fields)
                change = {**change, "schema": {"fields": fields}}
            found.patch(change)
            _check_layout(found)

    def _alter(self, title: str, table: str, before: list[Field], after: list[Field]) -> None:
        new = {one["name"].lower(): one for one in after}
        old = {one["name"].lower(): one for one in before}
        for key, was in old.items():
            check_kept(title, was, new.get(key), relax=True)
        for key in new.keys() - old.keys():
            if new[key]["mode"] == "REQUIRED":
                problem = f"Cannot add required fields to an existing schema. (field: {new[key]['name']})"
                raise invalid(f"Provided Schema does not match Table {title}. {problem}")
        for key, one in new.items():
            if key not in old:
                self.run(f"ALTER TABLE {table} ADD COLUMN {quoted(one['name'])} {duckdb_type(one)}")
            elif old[key]["mode"] == "REQUIRED" and one["mode"] == "NULLABLE":
                self.run(f"ALTER TABLE {table} ALTER COLUMN {quoted(one['name'])} DROP NOT NULL")

    def show_table(self, project: str, dataset: str, name: str) -> Json:
        found = self.table(project, dataset, name)
        identity = {"kind": "bigquery#table", "id": f"{project}:{dataset}.{name}", "etag": found.etag}
        body = {**found.body, **identity, "type": "VIEW" if found.is_view else "TABLE"}
        body |= {"lastModifiedTime": found.changed, "location": self.dataset(project, dataset).body["location"]}
        if not found.is_view:
            count = self.run(f"SELECT COUNT(*) FROM {quoted(dataset, name)}")[0][0]
            body |= {"numRows": str(count), "numBytes": str(self.size(dataset, name, found.fields))}
        return body

    def size(self, dataset: str, name: str, fields: list[Field], where: str = "TRUE") -> int:
        """Bytes of the columns, in the sizes that the price list states."""
        if not fields:
            return 0
        total = " + ".join(f"COALESCE(SUM({_size(one)}), 0)" for one in fields)
        return int(self.run(f"SELECT {total} FROM {quoted(dataset, name)} WHERE {where}")[0][0])


def check_kept(title: str, was: Field, now: Field | None, *, relax: bool) -> None:
    """Raises `ApiError` where a schema leaves out a column of the table or has it in another type or mode."""
    problem = None
    if now is None:
        problem = f"Field {was['name']} is missing in new schema"
    elif was["type"] != now["type"]:
        problem = f"Field {was['name']} has changed type from {was['type']} to {now['type']}"
    elif was["mode"] != now["mode"] and not (relax and (was["mode"], now["mode"]) == ("REQUIRED", "NULLABLE")):
        problem = f"Field {was['name']} has changed mode from {was['mode']} to {now['mode']}"
    if problem:
        raise invalid(f"Provided Schema does not match Table {title}. {problem}")


def _definitions(fields: list[Field]) -> str:
    return ", ".join(
        f"{quoted(one['name'])} {duckdb_type(one)}{' NOT NULL' * (one['mode'] == 'REQUIRED')}" for one in fields
    )


def _check_layout(table: Resource) -> None:
    """Partitioning and clustering name columns of the table, of types that are allowed there."""
    kinds = {one["name"].lower(): one["type"] for one in table.fields}
    column = table.partition_column
    allowed = ("INTEGER",) if "rangePartitioning" in table.body else ("DATE", "TIMESTAMP", "DATETIME")
    if column and kinds.get(column.lower()) not in allowed:
        raise invalid(f"The field specified for partitioning cannot be found or has a wrong type: {column}")
    clustering = (table.body.get("clustering") or {}).get("fields", [])
    if len(clustering) > 4:
        raise invalid("Too many clustering fields: at most 4 are allowed")
    for name in clustering:
        if kinds.get(name.lower()) in (None, "RECORD", "FLOAT", "BYTES", "JSON"):
            raise invalid(f"The field specified for clustering cannot be found or has a wrong type: {name}")


def _size(one: Field) -> str:
    name = quoted(one["name"])
    if one["mode"] == "REPEATED" or one["type"] in ("RECORD", "JSON"):
        return f"strlen(CAST({name} AS VARCHAR))"
    if one["type"] == "STRING":
        return f"strlen({name}) + 2"
    if one["type"] == "BYTES":
        return f"octet_length({name}) + 2"
    width = {"NUMERIC": 16, "BOOLEAN": 1}.get(one["type"], 8)
    return f"CASE WHEN {name} IS NULL THEN 0 ELSE {width} END"
